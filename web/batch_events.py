"""A batch's progress as server-sent events."""

import time
import uuid
from collections.abc import Iterator

from flask import g

from core.batches import lifecycle
from core.errors import DatabaseUnavailable
from web import current
from web.requests import caller_has_gone
from web.schemas.batches import BatchResponse

POLL_INTERVAL_S = 1.0
HEARTBEAT_S = 15.0  # chosen: proxies give up on a silent connection after 30 s or more
HEARTBEAT = b": still here\n\n"
RECONNECT_MS = 2000


def follow(batch_id: uuid.UUID) -> Iterator[bytes]:
    """Yield `progress` whenever the batch has changed, and `done` when it has finished; NotFound.

    A database that can't be reached is polled again: the stream goes on when it is back.
    """
    sent, silent_since = _read(batch_id), time.monotonic()
    yield b"retry: %d\n\n" % RECONNECT_MS + _event("progress", sent)
    while sent.finished_at is None:
        time.sleep(POLL_INTERVAL_S)
        if g.ending.has_begun or caller_has_gone():  # the client connects again, to the process that replaces this one
            return
        try:
            latest = _read(batch_id)
        except DatabaseUnavailable:
            latest = sent
        if latest != sent:
            yield _event("progress", latest)
            sent, silent_since = latest, time.monotonic()
        elif time.monotonic() - silent_since >= HEARTBEAT_S:
            yield HEARTBEAT
            silent_since = time.monotonic()
    yield _event("done", sent)


def _read(batch_id: uuid.UUID) -> BatchResponse:
    with current.session() as session:
        (progress,) = lifecycle.progress(session, [lifecycle.get(session, batch_id)])
        return BatchResponse.model_validate(progress)


def _event(kind: str, batch: BatchResponse) -> bytes:
    return f"event: {kind}\ndata: {batch.model_dump_json()}\n\n".encode()
