"""A batch's progress as server-sent events."""

import time
import uuid
from collections.abc import Iterator

from flask import current_app, g, request

from core.batches import lifecycle
from core.errors import AccessDenied, DatabaseUnavailable, Unavailable
from web import current
from web.auth import callers, guards
from web.requests import caller_has_gone
from web.schemas.batches import BatchResponse

POLL_INTERVAL_S = 1.0
ADMISSION_S = 3.0  # chosen: so long a caller who is let in no more may still be told of changes
HEARTBEAT_S = 15.0  # chosen: proxies give up on a silent connection after 30 s or more
HEARTBEAT = b": still here\n\n"
RECONNECT_MS = 2000


def follow(batch_id: uuid.UUID) -> Iterator[bytes]:
    """Yield `progress` whenever the batch has changed, and `done` when it has finished; NotFound.

    A database that can't be reached is polled again: the stream goes on when it is back. It ends when its caller is let
    in no more: of a batch that stays open it would last for ever.
    """
    sent, silent_since, admitted_at = _read(batch_id), time.monotonic(), time.monotonic()
    yield b"retry: %d\n\n" % RECONNECT_MS + _event("progress", sent)
    while sent.finished_at is None:
        time.sleep(POLL_INTERVAL_S)
        if g.ending.has_begun or caller_has_gone():  # the client connects again, to the process that replaces this one
            return
        if time.monotonic() - admitted_at >= ADMISSION_S:
            if not _lets_caller_in():
                return
            admitted_at = time.monotonic()
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


def _lets_caller_in() -> bool:
    """Whether the caller would be let in again: keys are revoked, and sessions end. It counts as no use of either.

    While that can't be asked it is as it was.
    """
    guard = guards.of(current_app, request.endpoint)
    try:
        if guard and callers.key():
            text, address = request.headers[guards.KEY_HEADER], request.remote_addr or ""
            guard.require_scope(current.state().api_keys.authenticate(text, address))
        elif guard:
            admin = current.state().admins.recheck(g.admin)
            if admin is None:
                return False
            guard.require_role(admin)
    except AccessDenied:
        return False
    except Unavailable:
        return True
    return True


def _read(batch_id: uuid.UUID) -> BatchResponse:
    with current.session() as session:
        (progress,) = lifecycle.progress(session, [lifecycle.get(session, batch_id)])
        return BatchResponse.model_validate(progress)


def _event(kind: str, batch: BatchResponse) -> bytes:
    return f"event: {kind}\ndata: {batch.model_dump_json()}\n\n".encode()
