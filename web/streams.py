"""Responses that take long to send: each holds a thread of the web tier, so only so many run at a time."""

import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain

from flask import Response, stream_with_context

from core.errors import TooManyStreams
from web.auth import callers

MAX_STREAMS = 16  # of each web process
THREADS_PER_STREAM = 4  # at most a quarter of the threads: the others go on answering
KEYS_SHARE = 2  # chosen: half of the slots, at least one: no single key keeps all others out
RETRY_AFTER_S = 5
WHAT = "downloads, event streams and uploads of videos"


class StreamSlots:
    """The slots of one web process, of which an API key has a share; those of a key are those of its successors."""

    def __init__(self, threads: int) -> None:
        self._most = max(1, min(MAX_STREAMS, threads // THREADS_PER_STREAM))
        self._most_of_key = max(1, self._most // KEYS_SHARE)
        self._lock = threading.Lock()
        self._taken: Counter[uuid.UUID | None] = Counter()  # by the first of a line of keys; None: administrators

    def stream(self, blocks: Iterator[bytes], mimetype: str) -> Response:
        """Send blocks as they come; TooManyStreams. What fails before the first is an error like any other.

        What fails later ends the connection before its end, so that the client knows.
        """
        release = self._acquire()
        try:
            first = next(blocks, b"")
            response = Response(stream_with_context(chain([first], blocks)), mimetype=mimetype)
        except BaseException:
            release()
            raise
        response.call_on_close(release)
        response.headers["X-Accel-Buffering"] = "no"  # a proxy must not collect what is to be seen at once
        return response

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Have a slot for something else that holds a thread for long; TooManyStreams."""
        release = self._acquire()
        try:
            yield
        finally:
            release()

    def _acquire(self) -> Callable[[], None]:
        """Take a slot and return what frees it, which may be called more than once."""
        key = callers.key()
        owner = key.first_id if key else None
        with self._lock:
            if self._taken.total() >= self._most:
                raise TooManyStreams(f"too many {WHAT} are open", retry_after_s=RETRY_AFTER_S)
            if owner and self._taken[owner] >= self._most_of_key:
                many = f"of this key, {self._most_of_key} {WHAT} are open, and that is its share"
                raise TooManyStreams(many, retry_after_s=RETRY_AFTER_S)
            self._taken[owner] += 1
        held = [owner]

        def release() -> None:
            with self._lock:
                self._taken.subtract(held)
                self._taken += Counter()  # forgets who has none
                held.clear()

        return release
