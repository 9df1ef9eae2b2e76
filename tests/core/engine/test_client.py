"""The queue: bytes over, answers back, nothing left behind. Real Valkey; the test plays the engine."""

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import redis

from core import config
from core.contract.options import ResolvedDetectOptions, ResolvedMaskOptions
from core.contract.reports import DetectionReport, Detections, Face, MaskedImage, MaskReport, Timings
from core.engine import messages, protocol
from core.engine.client import EngineClient
from core.engine.heartbeats import Process, WorkerStatus
from core.engine.loads import EngineLoad
from core.engine.protocol import PendingCall
from core.errors import EngineUnavailable, InternalError, JobTimedOut, QueueFull, UndecodableImage
from tests.conftest import BuildServices

PROCESS = Process("worker.process")
ENGINE = WorkerStatus(model="fake", input_size=640, supports_landmarks=False)
FACE = Face(box=(1.5, 2.5, 30.25, 40.75), confidence=0.75)
FOUND = Detections(
    faces=(FACE,),
    timings=Timings(decode_ms=1.5),
    candidates_before_nms=3,
    candidates_after_nms=1,
    det_scale=0.5,
    input_size=(640, 384),
)
REPORT = DetectionReport(width=60, height=50, channels=3, model="fake", detections=FOUND)


@pytest.fixture
def make_queue(valkey: str, connection: "redis.Redis", build_services: BuildServices) -> Callable[..., EngineClient]:
    def make(**values: object) -> EngineClient:
        made = build_services(config.read(redis_url=valkey, **values)).engine
        made.beat(PROCESS, ENGINE)
        return made

    return make


def still_there() -> bool:
    return False


def play_engine(connection: "redis.Redis", answer: Callable[[str], object]) -> threading.Thread:
    """Take the first message off the interactive queue and answer its call."""

    def play() -> None:
        popped = connection.blpop(["interactive"], timeout=120)
        assert popped
        _, message = popped
        (token, _), *_ = json.loads(json.loads(message)["body"])
        answer(token)

    thread = threading.Thread(target=play)
    thread.start()
    return thread


def left_over(connection: "redis.Redis") -> set[bytes]:
    keys: Any = connection.keys("face-api:*")
    lasting = {protocol.WORKER_STATUS, protocol.PROCESSES, protocol.COSTS}
    return {key for key in keys if key.decode() not in lasting}


def test_report_comes_back_whole(make_queue: Callable[..., EngineClient], connection: "redis.Redis") -> None:
    own = make_queue()
    engine = play_engine(connection, lambda token: own.answer_report(token, REPORT))
    assert own.run_detect(b"picture", ResolvedDetectOptions(), still_there) == REPORT
    engine.join()
    assert not left_over(connection)


def test_masked_picture_comes_back(make_queue: Callable[..., EngineClient], connection: "redis.Redis") -> None:
    own = make_queue()
    masked = MaskedImage(report=MaskReport(detection=REPORT, regions=1, effective_strength=9), image=bytes(range(256)))
    engine = play_engine(connection, lambda token: own.answer_masked(token, masked))
    assert own.run_mask(b"picture", ResolvedMaskOptions(), still_there) == masked
    engine.join()


def test_thumbnail_comes_back(make_queue: Callable[..., EngineClient], connection: "redis.Redis") -> None:
    own = make_queue()
    engine = play_engine(connection, lambda token: own.answer_thumbnail(token, bytes(range(256))))
    assert own.run_thumbnail(b"picture", 100, still_there) == bytes(range(256))
    engine.join()
    assert not left_over(connection)


def test_masked_picture_is_no_thumbnail(make_queue: Callable[..., EngineClient], connection: "redis.Redis") -> None:
    own = make_queue()
    engine = play_engine(connection, lambda token: own.answer_report(token, REPORT))
    with pytest.raises(InternalError):
        own.run_thumbnail(b"picture", 100, still_there)
    engine.join()


@pytest.mark.parametrize(("calls", "processes", "running", "waiting"), [(5, 2, 2, 3), (1, 2, 1, 0), (3, 0, 0, 3)])
def test_load_tells_who_waits(calls: int, processes: int, running: int, waiting: int) -> None:
    load = EngineLoad(calls, 1, processes)
    assert (load.running, load.waiting) == (running, waiting)


def test_load_without_workers_counts_calls(make_queue: Callable[..., EngineClient], connection: "redis.Redis") -> None:
    own = make_queue()
    connection.delete(protocol.PROCESSES)
    connection.zadd(protocol.WAITING, {"alive": time.time() + 60, "given up": time.time() - 1})
    assert own.load() == EngineLoad(calls=1, workers=0, processes=0)


def test_load_without_redis_is_unavailable(build_services: BuildServices) -> None:
    with pytest.raises(EngineUnavailable):
        build_services(config.read(redis_url="redis://127.0.0.1:1/0")).engine.load()


def test_engine_receives_exact_bytes(make_queue: Callable[..., EngineClient], connection: "redis.Redis") -> None:
    own, seen = make_queue(), []

    def answer(token: str) -> None:
        seen.append(own.take(token, PROCESS.name))
        own.answer_report(token, REPORT)

    engine = play_engine(connection, answer)
    own.run_detect(b"\x00\xff picture", ResolvedDetectOptions(), still_there)
    engine.join()
    assert seen == [b"\x00\xff picture"]


def test_error_crosses_as_its_code(make_queue: Callable[..., EngineClient], connection: "redis.Redis") -> None:
    own = make_queue()
    engine = play_engine(connection, lambda token: own.answer_error(token, UndecodableImage("cut off")))
    with pytest.raises(UndecodableImage, match="cut off"):
        own.run_detect(b"picture", ResolvedDetectOptions(), still_there)
    engine.join()


def test_answer_of_other_kind_is_refused(make_queue: Callable[..., EngineClient], connection: "redis.Redis") -> None:
    own = make_queue()
    engine = play_engine(connection, lambda token: own.answer_report(token, REPORT))
    with pytest.raises(InternalError):
        own.run_mask(b"picture", ResolvedMaskOptions(), still_there)
    engine.join()


@pytest.fixture
def another_comes(connection: "redis.Redis") -> Callable[[], bool]:
    """A caller that is still there, and another that comes while it waits."""

    def come() -> bool:
        connection.zadd(protocol.WAITING, {"detect:another": time.time() + 60})
        return False

    return come


def test_late_call_is_forgotten(make_queue: Callable[..., EngineClient], connection: "redis.Redis") -> None:
    own = make_queue(job_timeout_s=0.3)
    with pytest.raises(JobTimedOut):
        own.run_detect(b"picture", ResolvedDetectOptions(), still_there)
    assert not left_over(connection)


def test_call_whose_turn_does_not_come_is_sent_away(
    make_queue: Callable[..., EngineClient], another_comes: Callable[[], bool]
) -> None:
    own = make_queue(job_timeout_s=0.3)
    with pytest.raises(QueueFull, match="its turn did not come") as caught:
        own.run_detect(b"picture", ResolvedDetectOptions(), another_comes)
    assert caught.value.retry_after_s


def test_late_call_is_not_begun_any_more(make_queue: Callable[..., EngineClient], connection: "redis.Redis") -> None:
    own = make_queue(job_timeout_s=0.3)
    with pytest.raises(JobTimedOut):
        own.run_detect(b"picture", ResolvedDetectOptions(), still_there)
    taken: list[bytes | None] = []
    play_engine(connection, lambda token: taken.append(own.take(token, PROCESS.name))).join()
    assert taken == [None]
    assert not left_over(connection)


def test_call_beside_others_of_a_dead_engine_is_told(
    make_queue: Callable[..., EngineClient], connection: "redis.Redis", another_comes: Callable[[], bool]
) -> None:
    own = make_queue(job_timeout_s=0.3)
    connection.delete(protocol.PROCESSES)
    with pytest.raises(EngineUnavailable) as caught:
        own.run_detect(b"picture", ResolvedDetectOptions(), another_comes)
    assert caught.value.retry_after_s


def test_begun_call_times_out(make_queue: Callable[..., EngineClient], connection: "redis.Redis") -> None:
    own = make_queue(job_timeout_s=2)
    engine = play_engine(connection, lambda token: own.take(token, PROCESS.name))
    with pytest.raises(JobTimedOut, match="within 2 s"):
        own.run_detect(b"picture", ResolvedDetectOptions(), still_there)
    engine.join()
    assert not left_over(connection)


def test_answer_to_nobody_is_dropped(make_queue: Callable[..., EngineClient], connection: "redis.Redis") -> None:
    own = make_queue()
    own.answer_report("gone", REPORT)
    assert not left_over(connection)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Note the commands that are sent one by one."""
    sent: list[object] = []
    send = redis.Redis.execute_command

    def recorded(self: "redis.Redis", *args: Any, **values: Any) -> Any:
        sent.append(args[0])
        return send(self, *args, **values)  # type: ignore[no-untyped-call]  # it has none

    monkeypatch.setattr(redis.Redis, "execute_command", recorded)
    return sent


def await_answer(connection: "redis.Redis") -> None:
    """Be a call that waits for its answer."""
    connection.zadd(protocol.WAITING, {"name": time.time() + 60})
    connection.set(PendingCall("name", 0).upload, b"picture")


def test_answer_gives_up_the_place(
    make_queue: Callable[..., EngineClient], connection: "redis.Redis", sent: list[object]
) -> None:
    own = make_queue()
    await_answer(connection)
    own.answer_report("0-name", REPORT)  # Redis learns the script
    await_answer(connection)
    sent.clear()
    own.answer_report("0-name", REPORT)
    assert sent == ["EVALSHA"]
    assert left_over(connection) == {PendingCall("name", 0).answer.encode()}


@pytest.mark.parametrize("still_waits", [True, False])
def test_answer_takes_the_next_call(
    make_queue: Callable[..., EngineClient], connection: "redis.Redis", sent: list[object], still_waits: bool
) -> None:
    own = make_queue()
    assert own.answer_report("0-gone", REPORT, take_next=True) is None
    for token in ("0-first", "0-second"):
        connection.lpush(protocol.INTERACTIVE, messages.write("detect_image", protocol.INTERACTIVE, token, {}))
    if still_waits:
        await_answer(connection)
    sent.clear()
    taken = own.answer_report("0-name", REPORT, take_next=True)
    assert (taken and taken.token, sent) == ("0-first", ["EVALSHA"])
    assert connection.llen(protocol.INTERACTIVE) == 1
    assert connection.exists(PendingCall("name", 0).answer) == still_waits


def test_caller_that_left_is_forgotten(make_queue: Callable[..., EngineClient], connection: "redis.Redis") -> None:
    own, asked = make_queue(), []

    def gone() -> bool:
        asked.append(True)
        return True

    with pytest.raises(JobTimedOut):
        own.run_detect(b"picture", ResolvedDetectOptions(), gone)
    assert len(asked) == 1  # a call that went on would ask again, until it gives up itself
    assert not left_over(connection)


@pytest.mark.slow
def test_full_queue_refuses(make_queue: Callable[..., EngineClient], connection: "redis.Redis") -> None:
    own = make_queue(queue_limit=1, job_timeout_s=180)

    def wait_in_vain() -> None:
        with pytest.raises(EngineUnavailable):
            own.run_detect(b"1", ResolvedDetectOptions(), still_there)

    waiting = threading.Thread(target=wait_in_vain)
    waiting.start()
    while not connection.zcard(protocol.WAITING):
        time.sleep(0.01)
    with pytest.raises(QueueFull) as caught:
        own.run_detect(b"2", ResolvedDetectOptions(), still_there)
    assert caught.value.retry_after_s
    connection.flushall()
    waiting.join()


def test_crashed_callers_free_their_place(make_queue: Callable[..., EngineClient], connection: "redis.Redis") -> None:
    own = make_queue(queue_limit=1)
    connection.zadd(protocol.WAITING, {"crashed": time.time() - 1})
    engine = play_engine(connection, lambda token: own.answer_report(token, REPORT))
    assert own.run_detect(b"picture", ResolvedDetectOptions(), still_there) == REPORT
    engine.join()


def test_call_without_worker_is_refused(make_queue: Callable[..., EngineClient], connection: "redis.Redis") -> None:
    own = make_queue()
    connection.delete(protocol.WORKER_STATUS)
    with pytest.raises(EngineUnavailable):
        own.run_detect(b"picture", ResolvedDetectOptions(), still_there)
    assert not left_over(connection)
    assert not connection.llen("interactive")


def test_call_after_a_restart_of_redis(make_queue: Callable[..., EngineClient], connection: "redis.Redis") -> None:
    own = make_queue()
    connection.script_flush()
    engine = play_engine(connection, lambda token: own.answer_report(token, REPORT))
    assert own.run_detect(b"picture", ResolvedDetectOptions(), still_there) == REPORT
    engine.join()


def test_picture_that_redis_refuses_is_unavailable(
    make_queue: Callable[..., EngineClient], connection: "redis.Redis"
) -> None:
    own = make_queue()
    connection.config_set("maxmemory", "1")
    try:
        with pytest.raises(EngineUnavailable):
            own.run_detect(b"picture", ResolvedDetectOptions(), still_there)
    finally:
        connection.config_set("maxmemory", "0")
    assert not left_over(connection)


def test_flushed_redis_ends_calls(make_queue: Callable[..., EngineClient], connection: "redis.Redis") -> None:
    own = make_queue()
    engine = play_engine(connection, lambda token: connection.flushall())
    with pytest.raises(EngineUnavailable):
        own.run_detect(b"picture", ResolvedDetectOptions(), still_there)
    engine.join()


def test_bytes_expire_by_themselves(make_queue: Callable[..., EngineClient], connection: "redis.Redis") -> None:
    own = make_queue(job_timeout_s=7)
    lifetimes: list[int] = []

    def answer(token: str) -> None:
        lifetimes.extend([connection.ttl(PendingCall.of(token).upload), connection.ttl(protocol.WAITING)])
        own.answer_report(token, REPORT)

    engine = play_engine(connection, answer)
    own.run_detect(b"picture", ResolvedDetectOptions(), still_there)
    engine.join()
    assert all(0 < seconds <= 12 for seconds in lifetimes)


def test_message_holds_no_picture(make_queue: Callable[..., EngineClient], connection: "redis.Redis") -> None:
    own = make_queue(job_timeout_s=0.3)
    with pytest.raises(JobTimedOut):
        own.run_detect(b"p" * 100_000, ResolvedDetectOptions(), still_there)
    (message,) = connection.lrange("interactive", 0, -1)
    assert len(message) < 3000


def test_call_that_asks_again_is_queued_once(
    make_queue: Callable[..., EngineClient], connection: "redis.Redis"
) -> None:
    own = make_queue()
    for _ in range(2):  # a client whose connection broke before the reply came
        with connection.pipeline(transaction=False) as steps:
            own.admission.enter("name", "message", steps)
    assert connection.lrange("interactive", 0, -1) == [b"message"]


def test_silent_engine_is_forgotten(make_queue: Callable[..., EngineClient], connection: "redis.Redis") -> None:
    own = make_queue()
    assert own.worker_status() == ENGINE
    assert 0 < connection.ttl(protocol.WORKER_STATUS) <= protocol.WORKER_STATUS_TTL_S
    connection.delete(protocol.WORKER_STATUS)
    assert own.worker_status() is None


def test_dead_redis_is_engine_unavailable(build_services: BuildServices) -> None:
    own = build_services(config.read(redis_url="redis://127.0.0.1:1/0")).engine
    with pytest.raises(EngineUnavailable):
        own.run_detect(b"picture", ResolvedDetectOptions(), still_there)
