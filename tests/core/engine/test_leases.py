"""A call whose process is gone is asked again, once, and answered once. Real Valkey; the test plays the processes."""

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
import redis

from core import config
from core.contract.options import ResolvedDetectOptions
from core.contract.reports import DetectionReport
from core.engine import leases, protocol
from core.engine.client import EngineClient
from core.engine.heartbeats import Process
from core.engine.protocol import PendingCall
from core.errors import EngineUnavailable, JobTimedOut
from tests.conftest import BuildServices
from tests.core.engine.test_client import ENGINE, REPORT, still_there

FIRST, SECOND = Process("one.first"), Process("two.second")
OTHER_REPORT = REPORT.model_copy(update={"model": "other"})


@pytest.fixture
def engine(
    valkey: str, connection: "redis.Redis", build_services: BuildServices, monkeypatch: pytest.MonkeyPatch
) -> EngineClient:
    monkeypatch.setattr("core.engine.heartbeats.DEAD_AFTER_S", 600)  # nobody dies but where a test lets him
    made = build_services(config.read(redis_url=valkey, job_timeout_s=180)).engine
    for process in (FIRST, SECOND):
        made.beat(process, ENGINE)
    return made


@pytest.fixture
def call(engine: EngineClient) -> Iterator["Future[DetectionReport]"]:
    """A call that waits."""
    with ThreadPoolExecutor(1) as caller:
        yield caller.submit(engine.run_detect, b"picture", ResolvedDetectOptions(), still_there)


def message(connection: "redis.Redis") -> tuple[str, str]:
    """Take the next message of the queue; return the token and the task's id."""
    popped: Any = connection.brpop(["interactive"], timeout=120)
    assert popped, "the call was not asked"
    read = json.loads(popped[1])
    (token, _), *_ = json.loads(read["body"])
    return token, read["headers"]["id"]


def die(connection: "redis.Redis", process: Process) -> None:
    """Let the heartbeats of a process have lapsed."""
    connection.zrem(protocol.PROCESSES, f"{process.name}/1")


def beating(engine: EngineClient, *processes: Process) -> Callable[[], None]:
    """Let processes live until the function that is returned is called."""
    done = threading.Event()

    def beat() -> None:
        while not done.wait(0.5):
            for process in processes:
                engine.beat(process, ENGINE)

    thread = threading.Thread(target=beat)
    thread.start()

    def stop() -> None:
        done.set()
        thread.join()

    return stop


def test_call_of_dead_process_is_answered_by_another(
    engine: EngineClient, connection: "redis.Redis", call: "Future[DetectionReport]"
) -> None:
    token, first_id = message(connection)
    assert engine.take(token, FIRST.name) == b"picture"
    stop = beating(engine, SECOND)
    die(connection, FIRST)
    again, second_id = message(connection)
    assert (again, second_id != first_id) == (token, True)
    assert engine.take(again, SECOND.name) == b"picture"
    engine.answer_report(again, REPORT)
    assert call.result() == REPORT
    stop()
    assert not connection.exists(PendingCall.of(token).lease)


def test_call_of_living_process_is_asked_once(
    engine: EngineClient, connection: "redis.Redis", call: "Future[DetectionReport]", monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = beating(engine, FIRST)
    token, _ = message(connection)
    engine.take(token, FIRST.name)
    monkeypatch.setattr("core.engine.client.CHECK_EVERY_S", 0.02)
    checks = int(connection.info("commandstats")["cmdstat_zscore"]["calls"])
    while int(connection.info("commandstats")["cmdstat_zscore"]["calls"]) < checks + 4 * leases.UNSEEN:
        assert not connection.llen("interactive")
    engine.answer_report(token, REPORT)
    assert call.result() == REPORT
    stop()


def test_second_death_is_told(engine: EngineClient, connection: "redis.Redis", call: "Future[DetectionReport]") -> None:
    for _ in range(2):
        token, task_id = message(connection)
        engine.take(token, FIRST.name)
        engine.report_lost(token, task_id)
    with pytest.raises(EngineUnavailable, match="died") as caught:
        call.result()
    assert caught.value.retry_after_s
    assert not connection.llen("interactive") and not connection.zcard(protocol.WAITING)


def test_death_of_the_first_takes_nothing_from_the_second(
    engine: EngineClient, connection: "redis.Redis", call: "Future[DetectionReport]"
) -> None:
    token, first_id = message(connection)
    engine.take(token, FIRST.name)
    engine.report_lost(token, first_id)
    message(connection)
    engine.take(token, SECOND.name)
    engine.report_lost(token, first_id)  # its worker says it late, too
    engine.answer_report(token, REPORT)
    assert call.result() == REPORT


def test_first_answer_is_the_only_one(
    engine: EngineClient, connection: "redis.Redis", call: "Future[DetectionReport]"
) -> None:
    """A process that was only silent answers as well: nobody is handed that, and it stays with no other call."""
    token, task_id = message(connection)
    engine.take(token, FIRST.name)
    engine.report_lost(token, task_id)
    message(connection)
    engine.take(token, SECOND.name)
    engine.answer_report(token, REPORT)
    assert call.result() == REPORT
    engine.answer_report(token, OTHER_REPORT)
    assert not connection.exists(PendingCall.of(token).answer, PendingCall.of(token).upload)
    assert engine.take(token, FIRST.name) is None
    assert not connection.exists(PendingCall.of(token).lease)


def test_call_that_no_process_began_is_asked_again(
    engine: EngineClient, connection: "redis.Redis", call: "Future[DetectionReport]", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its worker died after it had taken the message, before a process had the picture."""
    monkeypatch.setattr("core.engine.client.CHECK_EVERY_S", 0.1)
    token, _ = message(connection)
    again, _ = message(connection)
    assert again == token
    engine.take(token, FIRST.name)
    engine.answer_report(token, REPORT)
    assert call.result() == REPORT


def test_call_in_the_queue_waits(
    valkey: str, connection: "redis.Redis", build_services: BuildServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.engine.client.CHECK_EVERY_S", 0.02)
    own = build_services(config.read(redis_url=valkey, job_timeout_s=2)).engine
    own.beat(FIRST, ENGINE)
    with pytest.raises(JobTimedOut):
        own.run_detect(b"picture", ResolvedDetectOptions(), still_there)
    assert connection.llen("interactive") == 1
