"""A batch's progress as server-sent events."""

import time
import uuid
from collections.abc import Iterator

from core.batches import lifecycle
from core.errors import DatabaseUnavailable
from web import current
from web.requests import caller_has_gone
from web.schemas.batches import BatchResponse

LOOK_EVERY_S = 1.0
HEARTBEAT_S = 15.0  # chosen: proxies give up on a silent connection after 30 s or more
HEARTBEAT = b": still here\n\n"
RECONNECT_MS = 2000


def follow(batch_id: uuid.UUID) -> Iterator[bytes]:
    """Yield `progress` whenever something has changed, and `done` at the end; NotFound.

    A database that can't be reached is asked again: the stream goes on when it is back.
    """
    before, quiet_since = _look(batch_id), time.monotonic()
    yield b"retry: %d\n\n" % RECONNECT_MS + _event("progress", before)
    while before.finished_at is None:
        time.sleep(LOOK_EVERY_S)
        if caller_has_gone():
            return
        try:
            found = _look(batch_id)
        except DatabaseUnavailable:
            found = before
        if found != before:
            yield _event("progress", found)
            before, quiet_since = found, time.monotonic()
        elif time.monotonic() - quiet_since >= HEARTBEAT_S:
            yield HEARTBEAT
            quiet_since = time.monotonic()
    yield _event("done", before)


def _look(batch_id: uuid.UUID) -> BatchResponse:
    with current.session() as session:
        (progress,) = lifecycle.progress(session, [lifecycle.get(session, batch_id)])
        return BatchResponse.model_validate(progress)


def _event(kind: str, batch: BatchResponse) -> bytes:
    return f"event: {kind}\ndata: {batch.model_dump_json()}\n\n".encode()
