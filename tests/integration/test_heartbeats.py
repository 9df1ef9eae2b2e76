"""What callers notice of processes that die, fall silent or work for long: real workers, killed and stopped."""

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache

import cv2
import numpy as np
import psutil
import pytest
import redis
import requests

from core.engine import protocol
from tests.conftest import StartService
from tests.integration.test_engine import face, mask, until, worker_child
from tests.stack import Stack, start_valkey

PATIENT = {"FACE_API_JOB_TIMEOUT_S": "170"}  # a busy machine takes long for the slow picture, and twice


@pytest.fixture(scope="module")
def lone(start_service: StartService) -> Stack:
    """Return a service with one worker process."""
    return start_service(**PATIENT)


@pytest.fixture(scope="module")
def left_alone(start_service: StartService) -> Stack:
    """Return a service with one worker process, whose worker and Redis tests take away."""
    return start_service(programs=("serve", "worker"), **PATIENT)


@pytest.fixture
def caller() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


@cache
def slow_picture() -> bytes:
    """Once per process; return noise that takes seconds to write without loss."""
    noise = np.random.default_rng(1).integers(0, 256, (4000, 4000, 3), np.uint8)
    return cv2.imencode(".jpg", noise, [cv2.IMWRITE_JPEG_QUALITY, 60])[1].tobytes()


def holders(service: Stack) -> set[bytes]:
    """Return the processes that work on calls."""
    connection = redis.Redis.from_url(service.redis_url)
    held = [connection.get(key) for key in connection.scan_iter("face-api:lease:*")]
    return {holder for holder in held if isinstance(holder, bytes)}


def begun(service: Stack, caller: ThreadPoolExecutor) -> "Future[requests.Response]":
    """Have a picture masked that takes long; return when a process works on it."""
    answer = caller.submit(mask, service, slow_picture())
    until(lambda: holders(service))
    return answer


def processes(service: Stack) -> int:
    return service.services.engine.load().processes


def status_renewed(service: Stack) -> Callable[[], bool]:
    """Return whether the worker has said again that it is ready."""
    connection = redis.Redis.from_url(service.redis_url)
    connection.pexpire(protocol.WORKER_STATUS, 15_000)  # a busy machine may keep a process silent for seconds
    return lambda: connection.pttl(protocol.WORKER_STATUS) > 15_000


def test_call_of_killed_process_is_asked_again(lone: Stack, caller: ThreadPoolExecutor) -> None:
    child = worker_child(lone)
    answer = begun(lone, caller)
    child.kill()
    assert answer.result().status_code == 200
    assert worker_child(lone).pid != child.pid
    assert mask(lone, face()).headers["X-Face-Count"] == "1"


def test_picture_that_kills_twice_is_told(lone: Stack, caller: ThreadPoolExecutor) -> None:
    first = worker_child(lone)
    answer = begun(lone, caller)
    (holder,) = holders(lone)
    first.kill()
    until(lambda: holders(lone) - {holder})
    worker_child(lone).kill()
    told = answer.result()
    assert (told.status_code, told.json()["code"]) == (503, "engine_unavailable")
    assert int(told.headers["Retry-After"]) >= 1


def test_dead_beat_and_long_job_keep_nobody_out(lone: Stack, caller: ThreadPoolExecutor) -> None:
    until(lambda: mask(lone, face()).status_code == 200 and processes(lone) == 1)  # it is there again
    slow_picture()  # made before the clock runs
    lone.kill("beat")
    renewed = status_renewed(lone)
    answer = begun(lone, caller)
    until(renewed)
    assert not answer.done(), "said by the process that works, while it works"
    assert answer.result().status_code == 200
    until(status_renewed(lone))
    assert requests.get(f"{lone.url}/health", timeout=20).status_code == 200


def test_stuck_parent_is_not_ready(lone: Stack) -> None:
    """Its processes live, and nobody gives them anything."""
    parent = psutil.Process(lone.processes["worker"].pid)
    connection = redis.Redis.from_url(lone.redis_url)
    parent.suspend()
    connection.expire(protocol.WORKER_STATUS, 14)  # longer than it takes to be noticed
    until(lambda: not connection.exists(protocol.WORKER_STATUS))
    assert processes(lone) == 1
    assert mask(lone, face()).json()["detail"] == "no worker is ready"
    parent.resume()
    until(lambda: mask(lone, face()).status_code == 200)


def test_worker_turns_its_clock_after_redis_was_away(left_alone: Stack) -> None:
    service = left_alone
    service.kill("redis")
    service.processes["redis"] = start_valkey(service.redis_port)
    until(lambda: mask(service, face()).status_code == 200)
    until(status_renewed(service))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "silent"])
def test_worker_that_is_gone_leaves_its_call_to_another(
    left_alone: Stack, caller: ThreadPoolExecutor, number: signal.Signals
) -> None:
    """The whole worker, as when its machine is lost: nobody is left who could say so."""
    service, finished = left_alone, left_alone.log("worker").count('"task_finished"')
    answer = begun(service, caller)
    gone = psutil.Process(service.processes["worker"].pid)
    for one in [gone, *gone.children()]:
        one.send_signal(number)
    service.processes[f"gone by {number.name}"] = service.processes.pop("worker")
    service.launch("worker")
    assert answer.result().status_code == 200
    until(lambda: processes(service) == 1)
    if number == signal.SIGSTOP:  # it works on, and nobody hears its answer
        for one in [gone, *gone.children()]:
            one.resume()
        until(lambda: service.log("worker").count('"task_finished"') == finished + 2)
        assert not holders(service)
        assert mask(service, face()).headers["X-Face-Count"] == "1"
