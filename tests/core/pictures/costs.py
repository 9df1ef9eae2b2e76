"""What reading a file costs, counted: calls of functions, the peak of memory, and CPU time."""

import sys
import time
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType
from typing import Any

from core.errors import InvalidInput

Read = Callable[[bytes], object]

RUNS = 3  # chosen: of which the shortest counts, since others are at work on the machine
LONG = 0.1  # s; chosen: a run that is longer is not repeated


@dataclass(frozen=True)
class Cost:
    """calls: of functions, those of C included; peak: bytes; cpu_s: the least of some runs."""

    calls: int
    peak: int
    cpu_s: float


def measure(read: Read, data: bytes) -> Cost:
    """Measure what reading costs, whether it ends with a picture or with an error of the caller's."""
    return Cost(_calls(read, data), peak(read, data), _cpu_s(read, data))


def _run(read: Read, data: bytes) -> None:
    with suppress(InvalidInput):
        read(data)


def _calls(read: Read, data: bytes) -> int:
    count = 0

    def count_call(_: FrameType, event: str, __: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count_call)
    try:
        _run(read, data)
    finally:
        sys.setprofile(before)
    return count


def peak(read: Read, data: bytes) -> int:
    """Return how many bytes reading takes at most, beside those of the file."""
    tracemalloc.start()
    try:
        _run(read, data)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _cpu_s(read: Read, data: bytes) -> float:
    least = float("inf")
    for _ in range(RUNS):
        started = time.thread_time()
        _run(read, data)
        least = min(least, time.thread_time() - started)
        if least > LONG:
            break
    return least
