"""Responses that take long to send: each holds a thread of the web tier, so only so many run at a time."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain

from flask import Response, stream_with_context

from core.errors import TooManyStreams

MAX_STREAMS = 16  # of each web process
THREADS_PER_STREAM = 4  # at most a quarter of the threads: the others go on answering
RETRY_AFTER_S = 5


class StreamSlots:
    """The slots of one web process."""

    def __init__(self, threads: int) -> None:
        self._free = threading.BoundedSemaphore(max(1, min(MAX_STREAMS, threads // THREADS_PER_STREAM)))

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
        if not self._free.acquire(blocking=False):
            raise TooManyStreams(
                "too many downloads, event streams and uploads of videos are open", retry_after_s=RETRY_AFTER_S
            )
        held = [self._free]

        def release() -> None:
            while held:
                held.pop().release()

        return release
