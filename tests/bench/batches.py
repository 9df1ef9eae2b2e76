"""A batch as the subject of a measurement, and calls of others meanwhile."""

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from core.batches import lifecycle
from tests.bench.callers import Client
from tests.bench.load import Done, timed_ms
from tests.faults.calls import ask, upload
from tests.stack import Stack

WARM_UP_ITEMS = 10
PACE_S = 0.5
ITEMS_A_SECOND = 40  # chosen: more than are done while the calls of others are measured
WITHIN_S = 600


class Batch:
    """A batch of all pictures, with the service's defaults. Queueing them is not measured, and neither is the end."""

    def __init__(self, name: str, stack: Stack, pictures: Sequence[bytes]) -> None:
        self.name, self.stack, self.pictures = name, stack, pictures
        self.batch, self.first = "", 0
        self.beside: Mapping[str, list[int]] = {}

    @property
    def parts(self) -> Mapping[str, list[int]]:
        return {name: [process.pid] for name, process in self.stack.processes.items()}

    def prepare(self) -> None:
        """Queue all pictures while the worker stands still, then wait until it is at work."""
        # As many more as there are processes: none of them is idle before the last one that is measured.
        self.first = finished(self.stack) + WARM_UP_ITEMS
        self.stack.pause_worker()
        self.batch = begin(self.stack, self.pictures, WARM_UP_ITEMS + len(self.pictures) + 4)
        self.stack.resume_worker()
        self.stack.until(partial(has_finished, self.stack, self.first), WITHIN_S)

    def work(self, seconds: float) -> Done:
        """Wait for one pass through the pictures, however long it takes."""
        began, count = time.perf_counter(), finished(self.stack)
        self.stack.until(partial(has_finished, self.stack, self.first + len(self.pictures)), WITHIN_S)
        count, elapsed_s = finished(self.stack) - count, time.perf_counter() - began
        ask(self.stack, "POST", f"/batches/{self.batch}/cancel")
        return Done([], elapsed_s, count)


class PacedCalls:
    """Calls of one client at a fixed pace, so that the machine has time for others between them; their times alone."""

    def __init__(self, name: str, stack: Stack, pictures: Sequence[bytes], busy: bool) -> None:
        self.name, self.stack, self.pictures, self.busy = name, stack, pictures, busy
        self.parts: Mapping[str, list[int]] = {}
        self.beside: Mapping[str, list[int]] = {}

    def prepare(self) -> None:
        pass

    def work(self, seconds: float) -> Done:
        """Call for so long; with `busy`, during a batch."""
        ms: list[float] = []
        with (
            contextlib.closing(Client(self.stack, "/api/v1/detect")) as client,
            self._batch(round(ITEMS_A_SECOND * max(1, seconds))) if self.busy else contextlib.nullcontext(),
        ):
            started = time.perf_counter()
            for number in range(max(1, round(seconds / PACE_S))):
                ms.append(timed_ms(partial(client.send, self.pictures[number % len(self.pictures)])))
                time.sleep(max(0.0, PACE_S - ms[-1] / 1000))
            return Done(ms, time.perf_counter() - started, len(ms))

    @contextlib.contextmanager
    def _batch(self, items: int) -> Iterator[None]:
        batch = begin(self.stack, self.pictures, items)
        yield
        ask(self.stack, "POST", f"/batches/{batch}/cancel")


def begin(stack: Stack, pictures: Sequence[bytes], count: int) -> str:
    """Queue a batch of so many items and return its id."""
    batch = str(ask(stack, "POST", "/batches", json={"name": "bench"})["id"])
    upload(stack, batch, {f"{number}.jpg": pictures[number % len(pictures)] for number in range(count)})
    return batch


def finished(stack: Stack) -> int:
    """Return how many items of all batches are done."""
    sessions = stack.services.sessions
    assert sessions is not None
    with sessions() as session:
        return sum(batch.completed + batch.failed for batch in lifecycle.page(session, 1, 100).items)


def has_finished(stack: Stack, count: int) -> bool:
    return finished(stack) >= count
