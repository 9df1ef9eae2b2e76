"""The load of the queue, for pages that may not wait for it."""

import threading
import time

from core.engine.client import EngineClient
from core.engine.loads import EngineLoad
from core.errors import EngineUnavailable

FRESH_S = 4.0


class LoadMonitor:
    """Remembers the queue's load for FRESH_S: asking takes longer than a page may."""

    def __init__(self, engine: EngineClient) -> None:
        self._engine = engine
        self._asking = threading.Lock()
        self._last: EngineLoad | None = None
        self._asked_at = 0.0

    def last(self) -> EngineLoad | None:
        """Return what is known, without asking."""
        return self._last if time.monotonic() - self._asked_at < FRESH_S * 3 else None

    def now(self) -> EngineLoad | None:
        """Ask, unless the answer is fresh or another thread is asking. None: the queue can't be reached."""
        if time.monotonic() - self._asked_at > FRESH_S and self._asking.acquire(blocking=self._last is None):
            try:
                if time.monotonic() - self._asked_at > FRESH_S:  # else another thread asked while this one waited
                    self._last = self._ask()
                    self._asked_at = time.monotonic()
            finally:
                self._asking.release()
        return self._last

    def _ask(self) -> EngineLoad | None:
        try:
            return self._engine.load()
        except EngineUnavailable:
            return None
