"""How many calls the processes of this worker work on, in memory that they share: idle CPUs go to those that run."""

import mmap
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from billiard.process import current_process

from core.system import cpus

MAX_PROCESSES = 256  # as many as FACE_API_WORKER_PROCESSES may be
MAX_THREADS = 255  # of one process that a byte can count


class Activity:
    """One byte for each process of the pool, how many of its threads work: made before the fork."""

    def __init__(self) -> None:
        self._busy = mmap.mmap(-1, MAX_PROCESSES)
        self.cpus = cpus.available()  # read once: it takes longer than all else here
        self._working, self._lock = 0, threading.Lock()  # of this process

    @contextmanager
    def working(self) -> Iterator[None]:
        """Count this thread as busy. A process that is killed gives its place to the one that replaces it."""
        self._count(1)
        try:
            yield
        finally:
            self._count(-1)

    def _count(self, more: int) -> None:
        with self._lock:
            self._working += more
            self._busy[place()] = min(self._working, MAX_THREADS)

    def idle_cpus(self, threads: int) -> int:
        """Return how many CPUs nothing uses now, if each call that runs uses so many threads."""
        return max(0, self.cpus - threads * sum(self._busy[:]))


def place() -> int:
    """Return the place of this process in the pool; 0 outside of one."""
    return int(getattr(current_process(), "index", 0) or 0)


@cache
def shared() -> Activity:
    """Once per worker: called before the fork, its processes inherit the memory."""
    return Activity()
