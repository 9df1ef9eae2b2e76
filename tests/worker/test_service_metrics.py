"""The state of the service as numbers: what waits is told, and who hangs keeps nobody waiting."""

import os
import signal
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.core import Metric

from core import config, services
from core.batches import lifecycle
from core.batches.lifecycle import NewBatch
from core.contract.options import ResolvedDetectOptions
from core.engine.heartbeats import Process
from core.records import cleanups
from core.services import Services
from tests import databases
from tests.ports import free_port
from tests.stack import PATIENCE_S, start_valkey
from worker import service_metrics
from worker.service_metrics import ServiceCollector


@pytest.fixture
def redis_server() -> "Iterator[tuple[str, int]]":
    """Return the URL of a Valkey of the test's own, and its process."""
    port = free_port()
    process = start_valkey(port)
    yield f"redis://127.0.0.1:{port}/0", process.pid
    process.kill()
    process.wait()


@pytest.fixture
def made(tmp_path: Path, redis_server: tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    monkeypatch.setattr(service_metrics, "FRESH_S", 0.0)
    settings = config.read(var_dir=tmp_path, redis_url=redis_server[0])
    databases.migrate(settings)
    built = services.build(settings)
    yield built
    built.close()


def numbers(collector: ServiceCollector) -> dict[str, float]:
    """Return what is told now, each by its name and the value of its label."""
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for metric in collector.collect()
        for sample in metric.samples
    }


def until_up(collector: ServiceCollector, **parts: float) -> dict[str, float]:
    """Wait until all these parts are told as up or down, and return what is told with that."""
    wanted, deadline = {f"face_api_up {part}": value for part, value in parts.items()}, time.monotonic() + PATIENCE_S
    while not wanted.items() <= (found := numbers(collector)).items():
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return found


def fill(made: Services) -> None:
    """Register what waits: a batch, two removals; and have a process of a worker live."""
    assert made.sessions is not None
    options = ResolvedDetectOptions(confidence=0.5, nms_threshold=0.4, max_faces=0, detail="fast")
    with made.sessions() as session:
        batch, _ = lifecycle.create(session, NewBatch("secret name", options))
        lifecycle.change_counts(session, batch.id, queued=5, running=2)
        cleanups.register(session, [f"processed/{uuid.uuid4()}" for _ in range(2)])
        session.commit()
    made.engine.beat(Process("worker.process"), None)


def test_what_waits_is_told(made: Services) -> None:
    fill(made)
    collector = ServiceCollector(made)
    found = until_up(collector, redis=1, database=1, storage=1)
    assert found["face_api_batches open"] == 1
    assert (found["face_api_batch_items queued"], found["face_api_batch_items running"]) == (5, 2)
    assert found["face_api_cleanup_backlog"] == 2
    assert found["face_api_webhooks_waiting"] == found["face_api_stored_images"] == 0
    assert found["face_api_worker_processes"] == 1
    assert found["face_api_disk_free_bytes"] > 0


def test_redis_that_hangs_is_down_and_the_rest_is_told(made: Services, redis_server: tuple[str, int]) -> None:
    fill(made)
    collector = ServiceCollector(made)
    until_up(collector, redis=1)
    os.kill(redis_server[1], signal.SIGSTOP)
    found = until_up(collector, redis=0, database=1)
    assert "face_api_workers" not in found
    assert found["face_api_cleanup_backlog"] == 2
    os.kill(redis_server[1], signal.SIGCONT)
    until_up(collector, redis=1)


def test_no_label_is_a_callers_word(made: Services) -> None:
    fill(made)
    collector = ServiceCollector(made)
    until_up(collector, database=1)
    assert "secret" not in str(list(collector.collect()))


def test_names_follow_prometheus(made: Services) -> None:
    metrics: list[Metric] = list(ServiceCollector(made).collect())
    assert {one.type for one in metrics} == {"gauge"}
    assert all(one.name.startswith("face_api_") and one.documentation.endswith(".") for one in metrics)
