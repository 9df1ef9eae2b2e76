"""A worker of one process with threads, as with a GPU: its calls and batches, and what ends those that overrun."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from admin import worker
from core.batches.leased_rows import QUARANTINED
from tests.conftest import StartService
from tests.integration import test_batches as batches
from tests.integration.test_engine import face, mask, until
from tests.integration.test_heartbeats import PATIENT, slow_picture
from tests.stack import Stack

THREADS = 4
StartThreads = Callable[..., Stack]


@pytest.fixture(scope="module")
def start_threads(start_service: StartService) -> StartThreads:
    """Start a service whose worker has threads instead of processes."""

    def start(**settings: str) -> Stack:
        service = start_service(programs=("serve", "beat", "maintenance"), **settings)
        command = [one for one in worker.worker_command(service.own_settings()) if "--concurrency" not in one]
        service.commands["worker"] = [*command, "--pool=threads", f"--concurrency={THREADS}"]
        service.programs = ("serve", "beat", "maintenance", "worker")
        service.launch("worker")
        service.wait_until_ready()
        return service

    return start


@pytest.fixture(scope="module")
def threaded(start_threads: StartThreads) -> Stack:
    return start_threads()


def test_threads_answer_calls_side_by_side(threaded: Stack) -> None:
    with ThreadPoolExecutor(2 * THREADS) as callers:
        answers = list(callers.map(lambda _: mask(threaded, face()), range(4 * THREADS)))
    assert [answer.headers.get("X-Face-Count") for answer in answers] == ["1"] * len(answers)
    assert len({answer.content for answer in answers}) == 1
    assert not psutil.Process(threaded.processes["worker"].pid).children()


def test_threads_work_on_batches(threaded: Stack) -> None:
    batch = batches.begin(threaded)
    batches.upload(threaded, batch, *((f"{number}.jpg", batches.picture(number)) for number in range(12)))
    batches.finished(threaded, batch)
    assert [item["state"] for item in batches.items(threaded, batch)] == ["completed"] * 12


def test_overdue_item_makes_the_worker_begin_anew(start_threads: StartThreads) -> None:
    """What runs beside it is told, as with a process that dies, and comes through when it is sent again."""
    service = start_threads(FACE_API_BATCH_ITEM_TIMEOUT_S="1", FACE_API_DETAIL_MASK="thorough", **PATIENT)
    process = psutil.Process(service.processes["worker"].pid)
    busy_s = sum(process.cpu_times()[:2])
    statuses: list[int] = []
    caller = threading.Thread(target=lambda: statuses.append(mask(service, slow_picture()).status_code))
    caller.start()
    until(lambda: sum(process.cpu_times()[:2]) > busy_s + 0.5)
    batch = batches.begin(service)
    batches.upload(service, batch, ("slow.jpg", slow_picture()))
    batches.finished(service, batch)
    caller.join()
    (item,) = batches.items(service, batch)
    assert (item["state"], item["error"]["code"]) == ("failed", QUARANTINED)
    assert statuses == [503]
    assert service.log("worker").count('"worker_overdue"') == 3
    until(lambda: mask(service, batches.picture()).status_code == 200)  # it loads its model again
    assert service.processes["worker"].pid == process.pid and process.is_running()
