"""Copies several objects at a time: each waits for the network or a disk, and none for the others."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

COPIES_AT_ONCE = 4  # chosen: hides the latency of an S3 server; so many objects are in memory at most

Item = TypeVar("Item")
Result = TypeVar("Result")


def each(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Yield what the function returns for each item, in their order; few are taken ahead."""
    with ThreadPoolExecutor(COPIES_AT_ONCE, thread_name_prefix="copy-objects") as pool:
        waiting: deque[Future[Result]] = deque()
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > COPIES_AT_ONCE:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
