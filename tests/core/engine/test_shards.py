"""Several Redis share the bytes of calls. Real Valkeys; the test plays the engine, with a client of its own."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from subprocess import Popen
from typing import Any

import pytest
import redis

from core import config, services
from core.contract.options import ResolvedDetectOptions
from core.contract.reports import DetectionReport, Detections, Timings
from core.engine import messages, protocol
from core.engine.client import EngineClient
from core.engine.heartbeats import Process, WorkerStatus
from core.engine.protocol import PendingCall
from core.engine.shards import Shards
from core.errors import EngineUnavailable
from tests.ports import free_port
from tests.stack import start_valkey

STATUS = WorkerStatus(model="fake", input_size=640, supports_landmarks=False)
FOUND = Detections(
    faces=(),
    timings=Timings(decode_ms=1.5),
    candidates_before_nms=3,
    candidates_after_nms=1,
    det_scale=0.5,
    input_size=(640, 384),
)
REPORT = DetectionReport(width=60, height=50, channels=3, model="fake", detections=FOUND)
CALLS = 24  # that all of them take one of two servers happens once in 8 million times


class Site:
    """Two Valkeys. first: the queue and its share of the bytes; second: bytes alone."""

    def __init__(self) -> None:
        ports = [free_port() for _ in range(2)]
        self.processes: list[Popen[bytes]] = [start_valkey(port) for port in ports]
        self.urls = [f"redis://127.0.0.1:{port}/0" for port in ports]
        self.first, self.second = (redis.Redis.from_url(url) for url in self.urls)
        self.made: list[services.Services] = []

    def engine(self, **values: object) -> EngineClient:
        """Make a client as each process has one."""
        self.made.append(services.build(config.read(redis_url=", ".join(self.urls), **values)))
        engine = self.made[-1].engine
        engine.beat(Process("worker.process"), STATUS)
        return engine

    def stop(self, number: int) -> None:
        self.processes[number].kill()
        self.processes[number].wait()

    def close(self) -> None:
        for made in self.made:
            made.close()
        for client in (self.first, self.second):
            client.close()
        for process in self.processes:
            process.kill()
            process.wait()


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.close()


def detect(engine: EngineClient, picture: bytes = b"picture") -> DetectionReport:
    return engine.run_detect(picture, ResolvedDetectOptions(), lambda: False)


def play_engine(site: Site, calls: int, answer: Callable[[str], object]) -> threading.Thread:
    """Take so many messages off the queue and answer each."""

    def play() -> None:
        for _ in range(calls):
            popped: Any = site.first.blpop(["interactive"], timeout=120)
            assert popped
            (token, _), *_ = json.loads(json.loads(popped[1])["body"])
            answer(token)

    thread = threading.Thread(target=play)
    thread.start()
    return thread


def left_over(client: "redis.Redis") -> set[bytes]:
    keys: Any = client.keys("face-api:*")
    return {key for key in keys if key.decode() not in {protocol.WORKER_STATUS, protocol.PROCESSES, protocol.COSTS}}


def test_calls_spread_over_every_server(site: Site) -> None:
    web, worker = site.engine(), site.engine()
    seen: list[bytes | None] = []
    shards: Counter[int] = Counter()

    def answer(token: str) -> None:
        shards[PendingCall.of(token).shard] += 1
        seen.append(worker.take(token, "worker.process"))
        worker.answer_report(token, REPORT)

    engine = play_engine(site, CALLS, answer)
    sent = [f"picture {number}".encode() for number in range(CALLS)]
    assert [detect(web, picture) for picture in sent] == [REPORT] * CALLS
    engine.join()
    assert seen == sent
    assert set(shards) == {0, 1}
    assert not left_over(site.first) | left_over(site.second)


def test_answer_on_the_second_server_takes_the_next_call(site: Site) -> None:
    worker = site.engine()
    text = messages.write("detect_image", protocol.INTERACTIVE, "0-next", {})
    site.first.lpush(protocol.INTERACTIVE, text)
    site.second.set(PendingCall("name", 1).upload, b"picture")
    taken = worker.answer_report("1-name", REPORT, take_next=True)
    assert taken == messages.read(text.encode())
    assert site.second.exists(PendingCall("name", 1).answer)


def test_second_server_holds_bytes_alone(site: Site) -> None:
    web, worker = site.engine(), site.engine()
    held: dict[int, tuple[int, int]] = {}

    def answer(token: str) -> None:
        call = PendingCall.of(token)
        held[call.shard] = int(site.first.exists(call.upload)), int(site.second.exists(call.upload))
        worker.answer_report(token, REPORT)

    engine = play_engine(site, CALLS, answer)
    for _ in range(CALLS):
        detect(web)
    engine.join()
    assert held == {0: (1, 0), 1: (0, 1)}
    written: Any = site.second.info("commandstats")
    assert not {"cmdstat_zadd", "cmdstat_lpush", "cmdstat_brpop"} & set(written)


def test_lost_server_costs_no_later_call(site: Site) -> None:
    web, worker = site.engine(), site.engine()
    site.stop(1)
    engine = play_engine(site, CALLS, lambda token: worker.answer_report(token, REPORT))
    assert [detect(web) for _ in range(CALLS)] == [REPORT] * CALLS
    engine.join()
    assert not web.shards_ready()
    assert not left_over(site.first)


def test_call_on_lost_server_is_unavailable(site: Site) -> None:
    web, worker = site.engine(), site.engine()
    ended: Counter[str] = Counter()

    def answer(token: str) -> None:
        if PendingCall.of(token).shard == 1:
            site.stop(1)
            with pytest.raises(EngineUnavailable):
                worker.take(token, "worker.process")
            with pytest.raises(EngineUnavailable):
                worker.answer_report(token, REPORT)
        else:
            worker.answer_report(token, REPORT)

    engine = play_engine(site, CALLS, answer)
    for _ in range(CALLS):
        try:
            detect(web)
            ended["answered"] += 1
        except EngineUnavailable:
            ended["unavailable"] += 1
    engine.join()
    assert ended == {"unavailable": 1, "answered": CALLS - 1}
    assert not left_over(site.first)


def test_server_that_returns_is_used_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.engine.shards.AVOIDED_S", 0.0)
    web, worker = site.engine(), site.engine()
    used: list[int] = []

    def answer(token: str) -> None:
        used.append(PendingCall.of(token).shard)
        worker.answer_report(token, REPORT)

    site.stop(1)
    engine = play_engine(site, 2 * CALLS, answer)
    for number in range(2 * CALLS):
        if number == CALLS:
            site.processes[1] = start_valkey(int(site.urls[1].rsplit(":")[-1].removesuffix("/0")))
        detect(web)
    engine.join()
    assert set(used[:CALLS]) == {0}
    assert 1 in used[CALLS:]


def test_failing_server_is_tried_by_one_call(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("core.engine.shards.time.monotonic", lambda: now[0])
    shards = Shards([site.first, site.second])
    site.stop(1)
    with pytest.raises(redis.RedisError), shards.server(PendingCall("x", 1)) as server:
        server.ping()
    assert {shards.candidates()[0] for _ in range(CALLS)} == {0}
    now[0] += 6
    assert sum(shards.candidates()[0] for _ in range(10 * CALLS)) == 1


def test_lost_queue_is_unavailable(site: Site) -> None:
    web = site.engine()
    site.stop(0)
    with pytest.raises(EngineUnavailable):
        detect(web)
    assert not left_over(site.second)


def test_call_of_longer_list_is_refused(site: Site) -> None:
    with pytest.raises(EngineUnavailable, match="fewer Redis"):
        site.engine().take("2-name", "worker.process")


def test_abandoned_bytes_expire(site: Site) -> None:
    web, worker = site.engine(job_timeout_s=7), site.engine()
    lifetimes: list[Any] = []

    def answer(token: str) -> None:
        call = PendingCall.of(token)
        lifetimes.append((site.first, site.second)[call.shard].ttl(call.upload))
        worker.answer_report(token, REPORT)

    engine = play_engine(site, CALLS, answer)
    for _ in range(CALLS):
        detect(web)
    engine.join()
    assert all(0 < seconds <= 12 for seconds in lifetimes)


def test_wake_ups_go_to_the_first_server(site: Site) -> None:
    site.engine().wake_workers()
    assert site.first.llen("batch") and not site.second.llen("batch")
