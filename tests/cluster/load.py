"""Callers who come at a steady rate, whether those before were answered or not."""

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import requests

from tests import background
from tests.faults.callers import KEPT, Answer, ask
from tests.stack import Stack

AT_ONCE = 250  # chosen: at four a second all that come in a minute; whoever waits longer delays nobody


class SteadyCalls:
    """Masks one picture after the other, so many a second, each over a connection of its own."""

    def __init__(self, stack: Stack, pictures: Sequence[bytes], a_second: float) -> None:
        self._stack, self._pictures, self._every_s = stack, pictures, 1 / a_second
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(AT_ONCE)
        self.sent = 0
        self.answers: list[Answer] = []

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Call meanwhile, and wait for the last answers."""
        with self._pool, background.running(self._run):
            yield

    def until_served(self, since: float, count: int, within_s: float) -> None:
        """Wait until the last so many calls that began since then were kept. since: by time.monotonic()."""
        self._stack.until(lambda: self._served(since, count), within_s)

    def pending(self) -> int:
        """Count the calls that wait for their answer."""
        return self.sent - len(self.answers)

    def within(self, began: float, ended: float) -> list[Answer]:
        """Return the calls that were in flight at some moment between two."""
        return [one for one in list(self.answers) if one.ended >= began and one.began <= ended]

    def _served(self, since: float, count: int) -> bool:
        last = [answer.outcome for answer in list(self.answers) if answer.began >= since][-count:]
        return last == [KEPT] * count

    def send(self, picture: bytes) -> None:
        """Call once more, and don't wait for the answer."""
        with self._lock:
            self.sent += 1
        self._pool.submit(self._call, picture)

    def _run(self, ended: threading.Event) -> None:
        due = time.monotonic()
        while not ended.wait(max(0.0, due - time.monotonic())):
            self.send(self._pictures[self.sent % len(self._pictures)])
            due += self._every_s

    def _call(self, picture: bytes) -> None:
        with requests.Session() as session:
            session.headers["X-API-Key"] = self._stack.key
            self.answers.append(ask(session, f"{self._stack.url}/api/v1/mask", picture))


def counted(answers: Sequence[Answer]) -> dict[str, int]:
    """Count outcomes."""
    return dict(Counter(answer.outcome for answer in answers))
