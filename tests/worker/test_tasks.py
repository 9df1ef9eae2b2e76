"""The task of a call goes on with the calls that wait, and of each its caller learns when the process dies."""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from core import config, services
from core.contract.options import ResolvedDetectOptions
from core.contract.reports import DetectionReport
from core.engine import leases, protocol
from core.engine.heartbeats import Process, WorkerStatus
from core.engine.messages import WaitingCall
from core.engine.protocol import PendingCall
from core.errors import InternalError, UndecodableImage
from core.services import Services
from tests.clips import jpeg
from tests.core.vision.fakes import KnownFaces
from worker import activity, current_calls, runtime, tasks
from worker.heartbeats import Heartbeat
from worker.runtime import Runtime
from worker.tasks import Turn

CALLS = 3
PATIENCE_S = 180
Answers = list["Future[DetectionReport]"]


@pytest.fixture
def built(valkey: str, tmp_path: Path) -> Iterator[Services]:
    built = services.build(config.read(redis_url=valkey, var_dir=tmp_path, job_timeout_s=PATIENCE_S))
    built.redis.flushall()
    yield built
    built.close()


@pytest.fixture
def process(built: Services, monkeypatch: pytest.MonkeyPatch) -> Runtime:
    """Return the runtime of this process, which works from now on."""
    status = WorkerStatus(model="fake", input_size=640, supports_landmarks=False)
    process = Runtime(built, KnownFaces((8.0, 8.0, 24.0, 24.0)), Heartbeat(built.engine, "worker.process", status))
    built.engine.beat(process.heartbeat.process, status)
    monkeypatch.setattr(runtime, "get", lambda: process)
    monkeypatch.setattr(tasks, "TURN_S", PATIENCE_S)
    monkeypatch.setattr(leases, "UNSEEN", PATIENCE_S * 1000)  # nobody asks again before he is told to
    return process


@pytest.fixture
def answers(built: Services, process: Runtime) -> Iterator[Answers]:
    """Let callers wait, all in the queue."""
    picture, options = jpeg(np.zeros((32, 32, 3), np.uint8)), ResolvedDetectOptions()
    with ThreadPoolExecutor(CALLS) as pool:
        waiting = [pool.submit(built.engine.run_detect, picture, options, lambda: False) for _ in range(CALLS)]
        until_queued(built, CALLS)
        yield waiting
        built.redis.flushall()  # whoever still waits learns that the call is lost


def until_queued(built: Services, count: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while queued(built) != count:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def queued(built: Services) -> int:
    return int(built.redis.llen(protocol.INTERACTIVE))


def taken(built: Services) -> WaitingCall:
    call = built.engine.next_waiting_call()
    assert call is not None
    return call


def work(built: Services) -> None:
    """Do the task of the call that waits longest, as Celery does."""
    call = taken(built)
    tasks.detect_image(call.token, call.options)


def test_task_answers_all_that_wait(built: Services, answers: Answers) -> None:
    work(built)
    assert [len(answer.result(PATIENCE_S).detections.faces) for answer in answers] == [1] * CALLS


def test_task_ends_with_its_turn(built: Services, answers: Answers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "TURN_S", 0)
    for left in (2, 1, 0):
        work(built)
        assert queued(built) == left


def test_threads_leave_calls_to_each_other(built: Services, process: Runtime, answers: Answers) -> None:
    process.heartbeat.process = Process("worker.process", places=2)
    work(built)
    assert queued(built) == CALLS - 1


def test_process_is_busy_between_calls(built: Services, answers: Answers, monkeypatch: pytest.MonkeyPatch) -> None:
    call, idle, answer = taken(built), list[int](), tasks.answer_waiting

    def answer_later(call: WaitingCall, turn: Turn) -> WaitingCall | None:
        idle.append(activity.shared().idle_cpus(1))
        return answer(call, turn)

    monkeypatch.setattr(tasks, "answer_waiting", answer_later)
    before = activity.shared().idle_cpus(1)
    tasks.detect_image(call.token, call.options)
    assert idle == [before - 1] * (CALLS - 1) and activity.shared().idle_cpus(1) == before


def test_failed_call_is_followed_by_the_next(
    built: Services, answers: Answers, process: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    detect, failing = Runtime.detect, [ValueError("a defect"), UndecodableImage("cut off")]

    def fail_twice(self: Runtime, data: bytes, options: ResolvedDetectOptions) -> DetectionReport:
        if failing:
            raise failing.pop()
        return detect(self, data, options)

    monkeypatch.setattr(Runtime, "detect", fail_twice)
    work(built)
    ends = [type(answer.exception(PATIENCE_S)) for answer in answers]
    assert sorted(ends, key=str) == sorted([type(None), InternalError, UndecodableImage], key=str)


def test_call_without_a_caller_is_followed_by_the_next(built: Services, answers: Answers) -> None:
    call = taken(built)
    built.redis.delete(PendingCall.of(call.token).upload)
    tasks.detect_image(call.token, call.options)
    assert queued(built) == 0


@pytest.mark.parametrize("gone_on", [False, True])
def test_call_of_a_dead_process_is_asked_again(built: Services, answers: Answers, gone_on: bool) -> None:
    first, second, current = taken(built), taken(built), current_calls.shared()
    if gone_on:
        current.begin(first.task_id, second)
    current.report_lost(built.engine, first.task_id, first.token)
    until_queued(built, 2)
    assert taken(built).task_id == (second if gone_on else first).token + ".again"


def test_worker_knows_which_call_is_lost(built: Services, answers: Answers, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = taken(built), taken(built)
    begun = list[str]()
    monkeypatch.setattr(tasks, "answer_waiting", lambda call, _turn: begun.append(call.token))
    tasks.detect_image.push_request(id=first.task_id)
    try:
        tasks.detect_image(first.token, first.options)
    finally:
        tasks.detect_image.pop_request()
    current_calls.shared().report_lost(built.engine, first.task_id, first.token)
    until_queued(built, 1)
    assert begun == [taken(built).token] and second.token not in begun
