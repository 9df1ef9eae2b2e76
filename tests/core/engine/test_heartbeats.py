"""Who lives, as Redis knows it."""

import pytest
import redis

from core import config
from core.engine import protocol
from core.engine.client import EngineClient
from core.engine.heartbeats import Process
from core.engine.loads import EngineLoad
from tests.conftest import BuildServices
from tests.core.engine.test_client import ENGINE


@pytest.fixture
def engine(valkey: str, connection: "redis.Redis", build_services: BuildServices) -> EngineClient:
    return build_services(config.read(redis_url=valkey)).engine


def test_living_processes_are_counted(engine: EngineClient) -> None:
    for process in (Process("one.a"), Process("one.b"), Process("two.c", places=3)):
        engine.beat(process, ENGINE)
    assert engine.load() == EngineLoad(calls=0, workers=2, processes=5)


def test_silent_process_is_dead(engine: EngineClient, monkeypatch: pytest.MonkeyPatch) -> None:
    engine.beat(Process("one.a"), ENGINE)
    monkeypatch.setattr("core.engine.heartbeats.DEAD_AFTER_S", 0)
    engine.beat(Process("two.b"), ENGINE)
    assert engine.load().workers == 1


def test_process_that_is_not_fed_is_alive_and_not_ready(engine: EngineClient, connection: "redis.Redis") -> None:
    engine.beat(Process("one.a"), None)
    assert (engine.worker_status(), engine.load().processes) == (None, 1)
    engine.beat(Process("one.a"), ENGINE)
    assert engine.worker_status() == ENGINE


def test_dead_are_forgotten(engine: EngineClient, connection: "redis.Redis") -> None:
    connection.zadd(protocol.PROCESSES, {"one.a/1": 1.0})
    engine.beat(Process("two.b"), ENGINE)
    assert connection.zrange(protocol.PROCESSES, 0, -1) == [b"two.b/1"]
