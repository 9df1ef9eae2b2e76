"""How long a client may keep the server waiting: it has to move bytes at a least rate, but for short pauses."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Pace:
    """What is asked of every client: bytes a second, and how many seconds it may fall behind them."""

    bytes_per_s: int
    behind_s: float


class SlowPlaces:
    """Threads that may be held by slow clients at a time: many that keep just to the pace would hold all of them."""

    def __init__(self, count: int) -> None:
        self._free = threading.BoundedSemaphore(count)

    def take(self) -> bool:
        return self._free.acquire(blocking=False)

    def give_back(self) -> None:
        self._free.release()


class Patience:
    """What is left of one client's: waiting uses it up, bytes that move restore it, at most to the pace's `behind_s`.

    So whoever moves `count` bytes is waited for at most `behind_s + count / bytes_per_s` seconds. Nobody can save up: a
    fast beginning buys no longer pause later. Only time spent waiting for the client counts.
    """

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self.left_s = pace.behind_s
        self.waited_s = 0.0

    def moved(self, count: int) -> None:
        """Note that so many bytes were received or sent."""
        self.left_s = min(self._pace.behind_s, self.left_s + count / self._pace.bytes_per_s)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Use up the time that the block takes."""
        began = time.monotonic()
        try:
            yield
        finally:
            waited_s = time.monotonic() - began
            self.left_s -= waited_s
            self.waited_s += waited_s
