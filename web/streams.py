"""Answers that take long to send: each holds a thread of the web tier, so there are only so many at a time."""

import threading
from collections.abc import Callable, Iterator
from itertools import chain

from flask import Flask, Response, current_app, stream_with_context

from core.config import Settings
from core.errors import TooManyStreams

MOST = 16  # of each web process
SHARE = 4  # a quarter of the threads at the most: the others go on answering
RETRY_AFTER_S = 5
EXTENSION = "face-api-streams"


def install(app: Flask, settings: Settings) -> None:
    """Provide the places of this process."""
    app.extensions[EXTENSION] = threading.BoundedSemaphore(max(1, min(MOST, settings.web_threads // SHARE)))


def stream(blocks: Iterator[bytes], mimetype: str) -> Response:
    """Answer blocks as they come. What fails before the first is an error like any other; TooManyStreams.

    What fails later ends the connection before its end, so that the client knows.
    """
    release = _taken()
    try:
        first = next(blocks, b"")
        response = Response(stream_with_context(chain([first], blocks)), mimetype=mimetype)
    except BaseException:
        release()
        raise
    response.call_on_close(release)
    response.headers["X-Accel-Buffering"] = "no"  # a proxy must not collect what is to be seen at once
    return response


def _taken() -> Callable[[], None]:
    """Take a place and return what gives it back, which may be called more than once."""
    places: threading.BoundedSemaphore = current_app.extensions[EXTENSION]
    if not places.acquire(blocking=False):
        raise TooManyStreams("too many downloads and event streams are open", retry_after_s=RETRY_AFTER_S)
    held = [places]

    def release() -> None:
        while held:
            held.pop().release()

    return release
