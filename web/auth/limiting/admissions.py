"""Whether there is room for a request, decided before a byte of its body is read: in the queue, and in memory."""

import threading
from typing import get_args

from flask import Flask, current_app, g, request

from core.contract.options import Detail
from core.engine.client import Task
from core.errors import QueueFull
from core.services import Services
from web.auth import guards

TASKS: dict[str, Task] = {"detect": "detect_image", "mask": "mask_image"}  # by the limit that a route names
STREAM_BYTES = 24 * 2**20  # what an upload of a video holds: a part for the store, twice, and what comes next
RETRY_AFTER_S = 2  # chosen: most bodies are received and answered within it


class BodyMemory:
    """Counts the bytes of request bodies that this process holds: at most limit_bytes, or one body that is larger."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._held = 0
        self._lock = threading.Lock()

    def take(self, size: int) -> None:
        """Count a body that is about to be read; QueueFull when there is no room for it."""
        with self._lock:
            if self._held and self._held + size > self._limit:
                raise QueueFull("too many pictures are being received already", retry_after_s=RETRY_AFTER_S)
            self._held += size

    def give_back(self, size: int) -> None:
        with self._lock:
            self._held -= size


def install(app: Flask, services: Services) -> None:
    """Check on every route, after its guard: room for the body; for calls to the engine also the queue."""
    memory = BodyMemory(services.settings.body_memory_bytes)

    def admit() -> None:
        guard = guards.of(current_app, request.endpoint)
        streamed = guard is not None and guard.streams and not request.is_json
        size = STREAM_BYTES if streamed else _body_bytes(services.settings.max_upload_bytes)
        memory.take(size)
        g.body_bytes = size
        if guard and guard.limit in TASKS:
            detail = _detail(guard.limit, services)
            g.reserved_call = services.engine.admission.reserve(TASKS[guard.limit], detail, size)

    def release(_: BaseException | None) -> None:
        memory.give_back(g.pop("body_bytes", 0))
        if name := reserved_call():
            services.engine.admission.release(name)

    app.before_request(admit)
    app.teardown_request(release)


def reserved_call() -> str:
    """Hand out the name of the call that this request has reserved; '' without one, or when it was handed out."""
    return str(g.pop("reserved_call", ""))


def _body_bytes(most: int) -> int:
    """Return how much of the body may be held. What is too large is refused, unread."""
    if request.content_length is not None:
        return request.content_length if request.content_length <= most else 0
    return most if request.headers.get("Transfer-Encoding") else 0


def _detail(limit: str, services: Services) -> str:
    """Return the detail that is asked for, or the settings' where that is none: it is refused later, in its turn."""
    usual = {"detect": services.settings.detail_detect, "mask": services.settings.detail_mask}[limit]
    asked = request.args.get("detail", usual)
    return asked if asked in get_args(Detail) else usual
