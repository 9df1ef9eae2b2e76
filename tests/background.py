"""Work that goes on in threads while a test does something else."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def running(*tasks: Callable[[threading.Event], object]) -> Iterator[None]:
    """Run each task in a thread of its own during the block; its end sets the event that they are given, and waits."""
    ended = threading.Event()
    threads = [threading.Thread(target=task, args=(ended,)) for task in tasks]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join()
