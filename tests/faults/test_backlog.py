"""A backlog of deletions while calls are made: maintenance has a worker of its own, so calls are as fast as before."""

import statistics
import uuid
from pathlib import Path

import pytest

from core.records import cleanups
from core.storage import objects
from tests.conftest import StartService
from tests.faults import crops, results
from tests.faults.callers import KEPT, Callers
from tests.faults.conftest import OWN, Scale
from tests.stack import Stack

CALLERS = 2
# chosen: deletions; calls of a part, of which p95 is told; parts, idle and busy in turn, so that what else the machine
# does meets both
FULL, SHORT = (100_000, 200, 3), (2_000, 20, 1)
FACTOR = 1.3


@pytest.fixture(scope="module")
def stack(start_service: StartService) -> Stack:
    return start_service(**OWN | {"FACE_API_WORKER_PROCESSES": "1"})


def register(stack: Stack, count: int) -> None:
    """Have so many objects be due to be removed."""
    sessions = stack.services.sessions
    assert sessions is not None
    with sessions() as session:
        for _ in range(0, count, 1000):
            cleanups.register(session, [objects.original_key(uuid.uuid4(), "a.jpg") for _ in range(1000)])
            session.commit()


def left(stack: Stack) -> int:
    sessions = stack.services.sessions
    assert sessions is not None
    with sessions() as session:
        return cleanups.count(session)


def measured(stack: Stack, pictures: list[bytes], calls: int) -> list[float]:
    """Return the milliseconds of so many calls."""
    callers = Callers(stack, pictures, CALLERS, "detect")
    with callers.at_work():
        callers.until_answered(calls)
    assert set(callers.outcomes) == {KEPT}
    return [answer.took_s * 1000 for answer in callers.answers]


def test_deletions_delay_no_call(stack: Stack, scale: Scale, request: pytest.FixtureRequest) -> None:
    """How long calls took is told, and asserted only of a full run: with few calls it says nothing."""
    shared: Path | None = request.config.getoption("--shared")
    pictures = list(crops.made(40, shared).values())
    count, calls, parts = FULL if scale.full else SHORT
    measured(stack, pictures, 10)  # warm
    stack.kill("maintenance")
    idle, busy, removed = list[float](), list[float](), 0
    for _ in range(parts):
        register(stack, count - left(stack))
        idle += measured(stack, pictures, calls)
        before = left(stack)
        stack.launch("maintenance")
        stack.until(lambda before=before: left(stack) < before)  # type: ignore[misc]  # mypy and a default
        busy += measured(stack, pictures, calls)
        removed += before - left(stack)
        assert left(stack) > 0 or not scale.full
        stack.kill("maintenance")
    idle_p95, busy_p95 = (statistics.quantiles(times, n=20)[-1] for times in (idle, busy))
    results.write(
        "backlog",
        full=scale.full,
        deletions=count,
        removed=removed,
        calls=len(busy),
        idle_p95_ms=round(idle_p95, 1),
        busy_p95_ms=round(busy_p95, 1),
    )
    assert removed > 0
    assert busy_p95 <= FACTOR * idle_p95 or not scale.full
