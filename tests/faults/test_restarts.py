"""A rolling restart under load: every call is answered, and what is kept of it is whole."""

import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
from sqlalchemy import func, select

from core.database.models import Image, ProcessingJob
from tests.conftest import StartService
from tests.faults import crops
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


class Callers:
    """Callers who mask one picture after the other, each over a connection that it keeps. outcomes: what they got."""

    def __init__(self, stack: Stack, pictures: list[bytes]) -> None:
        self._stack, self._pictures = stack, pictures
        self._done = threading.Event()
        self.outcomes: Counter[str] = Counter()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        threads = [threading.Thread(target=self._call, args=(number,)) for number in range(CALLERS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._done.set()
            for thread in threads:
                thread.join()

    def until_answered(self, more: int = ANSWERED_BETWEEN) -> None:
        """Wait until so many more calls were answered, or some failed."""
        wanted = self.outcomes["kept"] + more
        self._stack.until(lambda: self.outcomes["kept"] >= wanted or len(self.outcomes) > 1, 300)

    def _call(self, number: int) -> None:
        session = requests.Session()
        session.headers["X-API-Key"] = self._stack.key
        while not self._done.is_set():
            for picture in self._pictures[number::CALLERS]:
                self.outcomes[self._outcome(session, picture)] += 1

    def _outcome(self, session: requests.Session, picture: bytes) -> str:
        try:
            answer = session.post(f"{self._stack.url}/api/v1/mask", files={"image": picture}, timeout=120)
        except requests.RequestException as error:
            return repr(error)
        if answer.status_code != 200:
            return answer.text
        whole = len(answer.content) == int(answer.headers["Content-Length"])
        return "kept" if whole and "X-Image-Id" in answer.headers else f"{whole}: {answer.headers}"


def restart_web(stack: Stack) -> None:
    """Replace the processes of the web tier, as `systemctl reload` does."""
    master = psutil.Process(stack.processes["serve"].pid)
    old = master.children()
    master.send_signal(signal.SIGHUP)
    stack.until(lambda: not any(one.is_running() for one in old), 120)


def restart_worker(name: str) -> Callable[[Stack], None]:
    """Restart one of the workers, and wait until it takes calls again: the next may be the other's turn."""

    def restart(stack: Stack) -> None:
        loaded = stack.log(name).count("model_loaded")
        stack.processes[name].terminate()
        stack.processes[name].wait(120)
        stack.launch(name)
        stack.until(lambda: stack.log(name).count("model_loaded") > loaded, 120)

    return restart


def test_rolling_restart_fails_no_call(stack: Stack, scale: Scale, request: pytest.FixtureRequest) -> None:
    shared: Path | None = request.config.getoption("--shared")
    callers = Callers(stack, list(crops.made(scale.pictures, shared).values()))
    restarts = [restart_web, restart_worker("worker"), restart_web, restart_worker(OTHER)]
    with callers.at_work():
        for restart in restarts * (5 if scale.full else 1):
            callers.until_answered()
            restart(stack)
        callers.until_answered()
    assert set(callers.outcomes) == {"kept"}
    assert_whole(stack, callers.outcomes["kept"])


def assert_whole(stack: Stack, calls: int) -> None:
    """Each call has its rows and objects, and nothing is left over."""
    store, sessions = stack.services.store, stack.services.sessions
    assert store is not None and sessions is not None
    with sessions() as session:
        rows: list[Any] = [session.scalar(select(func.count()).select_from(table)) for table in (Image, ProcessingJob)]
    originals, processed = (len(list(store.list(prefix))) for prefix in ("originals/", "processed/"))
    assert (rows, originals, processed) == ([calls, calls], calls, calls)
