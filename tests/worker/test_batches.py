"""One item of a batch in a worker: its outcome where picture, store or database fails, and its lease meanwhile."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from core import config, services
from core.batches import items, leases, reaping
from core.batches.items import NewItem
from core.batches.leases import ItemLease
from core.contract.options import ResolvedMaskOptions
from core.database.models import BatchItem, ProcessingJob
from core.engine.client import EngineClient
from core.engine.heartbeats import WorkerStatus
from core.errors import StorageUnavailable
from core.records.results import ResultStore
from core.services import Services
from core.storage.objects import StoredObject
from tests import databases, pictures
from tests.core.batches import made
from tests.core.vision.fakes import VisibleFaces, noise
from worker import batches, runtime
from worker import leases as worker_leases
from worker.batches import ItemProcessor
from worker.heartbeats import Heartbeat
from worker.runtime import Runtime

BOX = (10.0, 10.0, 40.0, 40.0)
NO_REDIS = "redis://127.0.0.1:1/0"


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    """Return services whose Redis is away; nothing waits for it."""
    for wake in ("wake_workers", "wake_webhook_delivery"):
        monkeypatch.setattr(EngineClient, wake, lambda engine: None)
    settings = config.read(var_dir=tmp_path / "var", batch_lease_s=2, redis_url=NO_REDIS)
    databases.migrate(settings)
    built = services.build(settings)
    yield built
    built.close()


@pytest.fixture
def results(built: Services) -> ResultStore:
    assert built.results is not None
    return built.results


@pytest.fixture
def lease(results: ResultStore) -> ItemLease:
    """Return the lease of the only item, whose picture is in the store."""
    with results.sessions() as session:
        made.begun(session, 1)
        lease = made.taken(session)
    assert lease.key is not None
    results.objects.put(lease.key, pictures.file(noise(), "png"), "image/png")
    return lease


def working(built: Services, detector: VisibleFaces) -> Runtime:
    """Return what a process of a worker holds."""
    status = WorkerStatus(model="fake", input_size=640, supports_landmarks=False)
    return Runtime(built, detector, Heartbeat(built.engine, "worker.process", status))


@pytest.fixture
def processor(built: Services, results: ResultStore) -> ItemProcessor:
    return ItemProcessor(working(built, VisibleFaces(BOX)), results)


def item(results: ResultStore) -> BatchItem:
    with results.sessions() as session:
        return session.query(BatchItem).one()


def failing(error: Exception, times: int = 1_000_000) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator: the first calls raise the error."""
    left = times

    def decorate(act: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **values: Any) -> Any:
            nonlocal left
            left -= 1
            if left >= 0:
                raise error
            return act(*args, **values)

        return call

    return decorate


def broken_connection() -> OperationalError:
    return OperationalError("UPDATE", {}, Exception("the connection broke"))


def test_item_is_masked(processor: ItemProcessor, lease: ItemLease, results: ResultStore) -> None:
    assert processor.process(lease) == "ok"
    assert (item(results).state, item(results).face_count) == ("completed", 1)
    assert len(list(results.objects.list("processed/"))) == 1


def test_late_worker_is_superseded(processor: ItemProcessor, lease: ItemLease, results: ResultStore) -> None:
    with results.sessions() as session:
        made.run_out(session)
        made.ready(session)
        reaping.reap_expired_leases(session)
    assert processor.process(lease) == "superseded"
    assert item(results).state == "queued"


def test_late_worker_writes_nothing(
    processor: ItemProcessor, lease: ItemLease, results: ResultStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lease is lost while it masks: what the next worker stores under the same key must stay."""
    real = Runtime.mask

    def slowly(*args: Any) -> Any:
        masked = real(*args)
        with results.sessions() as session:
            made.run_out(session)
            reaping.reap_expired_leases(session)
        return masked

    monkeypatch.setattr(Runtime, "mask", slowly)
    assert processor.process(lease) == "superseded"
    assert list(results.objects.list("processed/")) == []


def test_lost_lease_stops_the_work(
    processor: ItemProcessor, lease: ItemLease, results: ResultStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lease is lost while the store is slow: the heartbeat notices, and nothing is searched for."""
    searches: list[object] = []
    monkeypatch.setattr(Runtime, "mask", lambda *args: searches.append(args))
    real = type(results.objects).get

    def slowly(*args: Any) -> bytes:
        with results.sessions() as session:
            made.run_out(session)
            reaping.reap_expired_leases(session)
        assert processor.keeper.lost.wait(120)
        return real(*args)

    monkeypatch.setattr(type(results.objects), "get", slowly)
    with processor.lease_heartbeat(lease):
        assert processor.process(lease) == "superseded"
    assert searches == []
    assert item(results).state == "queued"


def taken_from_the_bucket(results: ResultStore) -> tuple[bytes, ItemLease]:
    """Put a picture into the bucket and take the item that imports it; return both."""
    data = pictures.file(noise(), "png")
    results.objects.put("in/a.png", data, "image/png")
    with results.sessions() as session:
        batch = made.begun(session, prefix="in/")
        items.add(session, batch, [NewItem("a.png", len(data), source_key="in/a.png")])
        session.commit()
        return data, made.taken(session)


@pytest.mark.parametrize(("spare", "outcome"), [(0, "ok"), (-1, "upload_too_large")], ids=["fits", "too large"])
def test_object_of_the_bucket_is_measured_first(
    built: Services, results: ResultStore, monkeypatch: pytest.MonkeyPatch, spare: int, outcome: str
) -> None:
    data, lease = taken_from_the_bucket(results)
    fetched: list[str] = []
    real = type(results.objects).get

    def noting(store: Any, key: str, most: int | None = None) -> bytes:
        fetched.append(key)
        return real(store, key, most)

    monkeypatch.setattr(type(results.objects), "get", noting)
    limited = replace(built, settings=built.settings.model_copy(update={"max_upload_bytes": len(data) + spare}))
    assert ItemProcessor(working(limited, VisibleFaces(BOX)), results).process(lease) == outcome
    assert bool(fetched) == (outcome == "ok")
    assert item(results).error_code == (None if outcome == "ok" else outcome)


def test_object_that_grows_after_it_was_measured_is_not_read_to_its_end(
    built: Services, results: ResultStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, lease = taken_from_the_bucket(results)
    measure, read = type(results.objects).stat, type(results.objects).get
    lengths: list[int] = []

    def growing(store: Any, key: str) -> StoredObject:
        measured = measure(store, key)
        store.put(key, data + bytes(2**20), "image/png")
        return measured

    def noting(*args: Any, **limits: Any) -> bytes:
        lengths.append(len(found := read(*args, **limits)))
        return found

    monkeypatch.setattr(type(results.objects), "stat", growing)
    monkeypatch.setattr(type(results.objects), "get", noting)
    limited = replace(built, settings=built.settings.model_copy(update={"max_upload_bytes": len(data)}))
    assert ItemProcessor(working(limited, VisibleFaces(BOX)), results).process(lease) == "upload_too_large"
    assert lengths == [len(data) + 1]
    assert (item(results).state, item(results).image_id) == ("failed", None)


def test_broken_picture_fails(processor: ItemProcessor, lease: ItemLease, results: ResultStore) -> None:
    assert lease.key is not None
    results.objects.put(lease.key, b"no picture", "image/png")
    assert processor.process(lease) == "unsupported_image"
    assert (item(results).state, item(results).error_code) == ("failed", "unsupported_image")


def with_regions(lease: ItemLease, *regions: dict[str, float]) -> ItemLease:
    given = {"verify": False, "mask_regions": regions, "keep_regions": [{"x1": 0, "y1": 0, "x2": 1000, "y2": 1000}]}
    return replace(lease, options=ResolvedMaskOptions.model_validate(given))


def test_regions_of_a_batch_hold_for_its_pictures(
    processor: ItemProcessor, lease: ItemLease, results: ResultStore
) -> None:
    assert processor.process(with_regions(lease, {"x1": 0, "y1": 0, "x2": 9, "y2": 9})) == "ok"
    with results.sessions() as session:
        report = session.scalars(select(ProcessingJob)).one().report
    assert (report["regions"], report["kept_faces"]) == (1, 1)


def test_region_outside_fails_the_item(processor: ItemProcessor, lease: ItemLease, results: ResultStore) -> None:
    assert processor.process(with_regions(lease, {"x1": 5000, "y1": 0, "x2": 5009, "y2": 9})) == "invalid_option"
    found = item(results)
    assert (found.state, found.error_code) == ("failed", "invalid_option")
    assert "mask_regions[0]: It lies outside of the picture" in str(found.error_detail)


def test_unexpected_error_fails_the_item(
    processor: ItemProcessor, lease: ItemLease, results: ResultStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Runtime, "mask", failing(ZeroDivisionError())(Runtime.mask))
    assert processor.process(lease) == "internal_error"
    assert (item(results).state, item(results).error_code) == ("failed", "internal_error")
    assert list(results.objects.list("processed/")) == []


def test_item_waits_while_the_store_is_down(
    processor: ItemProcessor, lease: ItemLease, results: ResultStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(results.objects), "get", failing(StorageUnavailable("gone"))(type(results.objects).get))
    assert processor.process(lease) == "storage_unavailable"
    assert (item(results).state, item(results).lease) == ("queued", None)


def test_outcome_outlasts_a_short_outage_of_the_database(
    processor: ItemProcessor, lease: ItemLease, results: ResultStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_leases, "AGAIN_AFTER_S", 0.01)
    monkeypatch.setattr(leases, "complete", failing(broken_connection(), times=3)(leases.complete))
    assert processor.process(lease) == "ok"
    assert item(results).state == "completed"


@pytest.mark.parametrize(
    "error", [broken_connection(), IntegrityError("UPDATE", {}, Exception("no"))], ids=["gone", "bad"]
)
def test_item_stays_leased_when_the_database_stays_away(
    processor: ItemProcessor,
    lease: ItemLease,
    results: ResultStore,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    monkeypatch.setattr(leases, "complete", failing(error)(leases.complete))
    assert processor.process(lease) == "database_unavailable"
    assert item(results).state == "running"  # until the lease expires; then another worker tries


def test_heartbeat_extends_the_lease_through_an_outage(
    processor: ItemProcessor, lease: ItemLease, results: ResultStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = item(results).lease_until
    monkeypatch.setattr(leases, "extend", failing(broken_connection(), times=1)(leases.extend))
    with processor.lease_heartbeat(lease):
        while item(results).lease_until == before:
            time.sleep(0.05)


def test_task_works_on_what_waits(built: Services, results: ResultStore, monkeypatch: pytest.MonkeyPatch) -> None:
    process = working(built, VisibleFaces(BOX))
    monkeypatch.setattr(runtime, "get", lambda: process)
    batches.work_batch()  # nothing waits
    with results.sessions() as session:
        made.begun(session, 1)
        key = leases.take(session, "a task", 60).key  # type: ignore[union-attr]
        made.run_out(session)
        made.ready(session)
        reaping.reap_expired_leases(session)
        made.ready(session)
    results.objects.put(str(key), pictures.file(noise(), "png"), "image/png")
    batches.work_batch()
    assert (item(results).state, item(results).attempts) == ("completed", 2)


def test_dead_process_gives_its_item_back(
    built: Services, lease: ItemLease, results: ResultStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config, "load", lambda: built.settings)
    batches.reap_task("another task")
    assert item(results).state == "running"
    batches.reap_task("a task")
    assert item(results).state == "queued"


def test_task_without_database_does_nothing(built: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(session: Session, task_id: str, lease_s: float) -> None:
        raise broken_connection()

    monkeypatch.setattr(runtime, "get", lambda: working(built, VisibleFaces()))
    monkeypatch.setattr(leases, "take", gone)
    batches.work_batch()
