"""Which processes of this worker are busy, in memory that they share: idle CPUs go to the calls that run."""

import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from billiard.process import current_process

from core import cpus

MAX_PROCESSES = 256  # as many as FACE_API_WORKER_PROCESSES may be


class Activity:
    """One byte for each process of the pool, 1 while it works: made before the fork."""

    def __init__(self) -> None:
        self._busy = mmap.mmap(-1, MAX_PROCESSES)

    @contextmanager
    def working(self) -> Iterator[None]:
        """Count this process as busy. One that is killed gives its place to the process that replaces it."""
        place = _place()
        self._busy[place] = 1
        try:
            yield
        finally:
            self._busy[place] = 0

    def idle_cpus(self, threads: int) -> int:
        """Return how many CPUs no process uses now, if each that is busy uses so many threads."""
        return max(0, cpus.available() - threads * self._busy[:].count(1))


def _place() -> int:
    """Return the place of this process in the pool; 0 outside of one."""
    return int(getattr(current_process(), "index", 0) or 0)


@cache
def shared() -> Activity:
    """Once per worker: called before the fork, its processes inherit the memory."""
    return Activity()
