"""A rolling restart under load: every call is answered, and what is kept of it is whole."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import func, select

from core.database.models import Image, ProcessingJob
from tests.conftest import StartService
from tests.faults import crops, results
from tests.faults.callers import KEPT, Callers
from tests.faults.conftest import OWN, Scale
from tests.stack import Stack

OTHER = "other worker"
CALLERS = 4
ANSWERED_BETWEEN = 8  # chosen: each caller has had its turn twice


@pytest.fixture(scope="module")
def stack(start_service: StartService) -> Stack:
    """Return a service with two workers."""
    made = start_service(**OWN | {"FACE_API_WORKER_PROCESSES": "1"})
    made.commands[OTHER] = made.command("worker")
    made.launch(OTHER)
    return made


def restart_web(stack: Stack) -> None:
    """Replace the processes of the web tier, as `systemctl reload` does."""
    master = psutil.Process(stack.processes["serve"].pid)
    old = master.children()
    master.send_signal(signal.SIGHUP)
    stack.until(lambda: not any(one.is_running() for one in old))


def restart_worker(name: str) -> Callable[[Stack], None]:
    """Restart one of the workers, and wait until it takes calls again: the next may be the other's turn."""

    def restart(stack: Stack) -> None:
        loaded = stack.log(name).count("model_loaded")
        stack.processes[name].terminate()
        stack.processes[name].wait(120)
        stack.launch(name)
        stack.until(lambda: stack.log(name).count("model_loaded") > loaded)

    return restart


def test_rolling_restart_fails_no_call(stack: Stack, scale: Scale, request: pytest.FixtureRequest) -> None:
    shared: Path | None = request.config.getoption("--shared")
    callers = Callers(stack, list(crops.made(scale.pictures, shared).values()), CALLERS)
    restarts = [restart_web, restart_worker("worker"), restart_web, restart_worker(OTHER)] * (5 if scale.full else 1)
    with callers.at_work():
        for restart in restarts:
            callers.until_answered(ANSWERED_BETWEEN)
            restart(stack)
        callers.until_answered(ANSWERED_BETWEEN)
    calls = callers.outcomes[KEPT]
    results.write("restarts", full=scale.full, restarts=len(restarts), callers=CALLERS, outcomes=callers.outcomes)
    assert set(callers.outcomes) == {KEPT}
    assert_whole(stack, calls)


def assert_whole(stack: Stack, calls: int) -> None:
    """Each call has its rows and objects, and nothing is left over."""
    store, sessions = stack.services.store, stack.services.sessions
    assert store is not None and sessions is not None
    with sessions() as session:
        rows: list[Any] = [session.scalar(select(func.count()).select_from(table)) for table in (Image, ProcessingJob)]
    originals, processed = (len(list(store.list(prefix))) for prefix in ("originals/", "processed/"))
    assert (rows, originals, processed) == ([calls, calls], calls, calls)
