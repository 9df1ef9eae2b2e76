"""The end of a web process: what waits is told, so that callers read of it instead of losing their connection."""

import signal
import time
from types import FrameType
from typing import Any

from core.errors import ServiceStopping

RETRY_AFTER_S = 2  # chosen: by then the process that replaces this one answers


class Ending:
    """Whether this process is to end. grace_s: how long what is in flight may still take then."""

    def __init__(self, grace_s: float) -> None:
        self._grace_s = grace_s
        self._begun_at: float | None = None

    def begin(self) -> None:
        """Have streams end now, and what waits when the grace is over."""
        self._begun_at = self._begun_at or time.monotonic()

    @property
    def has_begun(self) -> bool:
        return self._begun_at is not None

    def check(self) -> None:
        """Raise ServiceStopping when the grace is over."""
        if self._begun_at is not None and time.monotonic() > self._begun_at + self._grace_s:
            raise ServiceStopping(retry_after_s=RETRY_AFTER_S)

    def begin_at_signal(self, number: signal.Signals) -> None:
        """Begin when a signal comes, and let the server's own handler, which is set already, go on from there."""
        server: Any = signal.getsignal(number)

        def handle(received: int, frame: FrameType | None) -> None:
            self.begin()
            server(received, frame)

        if callable(server):
            signal.signal(number, handle)
