"""Minutes of calls of mixed sizes, at nine tenths of what the service can do: none fails, and nothing grows."""

import itertools
import random
import statistics
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import requests

from tests.bench import inputs, load
from tests.conftest import StartService
from tests.faults import crops, results
from tests.faults.callers import KEPT, TIMEOUT_S, Answer, Callers, ask, repeated
from tests.faults.conftest import OWN, Scale
from tests.stack import Stack

THREADS = 24  # chosen: more than wait at a time; each call is made when it is due, whatever became of those before
LOAD = 0.9
WARM_CALLERS = 4
SHORT_S, SHORT_WARM_S, FULL_WARM_S = 6.0, 3.0, 20.0
SAMPLE_EVERY_S = 1.0
# chosen: fragments and caches; each caller may have a connection by then, and the service some of its own
SLOWER, MORE_MB, MORE_DESCRIPTORS = 1.2, 50, THREADS + 10
SIDES = ((640, 480), (1280, 960), (2000, 1500), (3000, 2000))
SMALL = 36


@dataclass
class Soak:
    """What was seen. answers: timed from when they were due; memory_mb, descriptors: of all programs, now and then."""

    capacity: float
    seconds: float
    answers: list[Answer] = field(default_factory=list)
    memory_mb: list[float] = field(default_factory=list)
    descriptors: list[int] = field(default_factory=list)

    def told(self) -> dict[str, Any]:
        """Return its figures."""
        answers = sorted(self.answers, key=lambda one: one.began)
        first, last = answers[: len(answers) // 3], answers[-(len(answers) // 3) :]
        return {
            "seconds": round(self.seconds),
            "capacity": round(self.capacity, 1),
            "calls": len(self.answers),
            "outcomes": dict(Counter(answer.outcome for answer in self.answers)),
            "p99_ms": [_p99_ms(first), _p99_ms(last)],
            "memory_mb": [round(value) for value in _first_and_last(self.memory_mb)],
            "descriptors": [round(value) for value in _first_and_last(self.descriptors)],
        }


def _p99_ms(answers: Sequence[Answer]) -> float:
    return round(float(np.percentile([answer.took_s * 1000 for answer in answers], 99)), 1)


def _first_and_last(samples: Sequence[float]) -> tuple[float, float]:
    """Return the medians of the first and of the last third."""
    third = max(1, len(samples) // 3)
    return statistics.median(samples[:third]), statistics.median(samples[-third:])


@pytest.fixture(scope="module")
def stack(start_service: StartService, scale: Scale) -> Stack:
    """A short run's load is what the machine could do for a moment; what else it does then may make calls wait long."""
    patient = {} if scale.full else {"FACE_API_JOB_TIMEOUT_S": str(TIMEOUT_S - 10)}
    return start_service(**OWN | patient)


@pytest.fixture(scope="module")
def pictures(request: pytest.FixtureRequest) -> list[bytes]:
    """Return pictures of mixed sizes, the large ones rare, as people send them."""
    shared: Path | None = request.config.getoption("--shared")
    found = [*crops.made(SMALL, shared).values(), *(inputs.jpeg(inputs.tiled(*sides)) for sides in SIDES)]
    random.Random(4).shuffle(found)
    return found


def capacity(stack: Stack, pictures: list[bytes], seconds: float) -> float:
    """Return how many calls a second the service answers callers who never pause."""
    callers = Callers(stack, pictures, WARM_CALLERS)
    with callers.at_work():
        time.sleep(seconds)
    answers = callers.answers
    return len(answers) / (max(one.ended for one in answers) - min(one.began for one in answers))


def sampled(stack: Stack, soak: Soak) -> AbstractContextManager[None]:
    """Note now and then what all programs hold."""
    pids = [process.pid for process in stack.processes.values()]

    def sample() -> None:
        with suppress(psutil.NoSuchProcess):
            soak.memory_mb.append(load.memory_mb(pids))
            roots = [psutil.Process(pid) for pid in pids]
            tree = [one for root in roots for one in (root, *root.children(recursive=True))]
            soak.descriptors.append(sum(one.num_fds() for one in tree))

    return repeated(sample, SAMPLE_EVERY_S)


def send(stack: Stack, pictures: list[bytes], soak: Soak) -> None:
    """Send pictures, each when it is due."""
    began, every_s, lock = time.monotonic(), 1 / (LOAD * soak.capacity), threading.Lock()
    turns = zip(itertools.count(), itertools.cycle(pictures), strict=False)

    def work(_number: int) -> None:
        session = requests.Session()
        session.headers["X-API-Key"] = stack.key
        while True:
            with lock:
                number, picture = next(turns)
            due = began + number * every_s
            if due > began + soak.seconds:
                return
            time.sleep(max(0.0, due - time.monotonic()))
            answer = ask(session, f"{stack.url}/api/v1/mask", picture)
            soak.answers.append(replace(answer, began=due))

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(THREADS)))


def test_soak_fails_nothing_and_grows_nothing(
    stack: Stack, pictures: list[bytes], scale: Scale, request: pytest.FixtureRequest
) -> None:
    """What a full run asserts of times, a short one is too short for."""
    minutes: float = request.config.getoption("--soak-minutes")
    can = capacity(stack, pictures, FULL_WARM_S if scale.full else SHORT_WARM_S)
    soak = Soak(can, minutes * 60 if scale.full else SHORT_S)
    with sampled(stack, soak):
        send(stack, pictures, soak)
    told = soak.told()
    results.write("soak", full=scale.full, **told)
    assert set(told["outcomes"]) == {KEPT}
    assert told["descriptors"][1] <= told["descriptors"][0] + MORE_DESCRIPTORS
    if scale.full:
        assert told["memory_mb"][1] <= told["memory_mb"][0] + MORE_MB
        assert told["p99_ms"][1] <= SLOWER * told["p99_ms"][0]
