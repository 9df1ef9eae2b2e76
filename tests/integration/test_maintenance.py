"""Maintenance: old images deleted, objects and rows brought together, a failing store outlasted."""

import getpass
import os
import threading
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import redis
from click.testing import CliRunner
from sqlalchemy import select, update

from admin.main import main
from core import config, maintenance
from core.batches import bulk, lifecycle
from core.batches.lifecycle import NewBatch
from core.contract.options import ResolvedMaskOptions
from core.database import audits
from core.database.audits import AuditFilter
from core.database.clock import database_time, now
from core.database.models import Batch, Image
from core.errors import StorageUnavailable
from core.records import cleanups, comparisons, records
from core.records.comparisons import StorageDifferences
from core.records.deletions import CleanupResult
from core.records.rows import StoredImage, StoredJob
from core.services import Services
from core.storage import objects
from core.storage.objects import StoredObject
from tests import databases
from tests.conftest import BuildServices
from tests.core import rows
from tests.core.batches import made as batches
from worker import maintenance as tasks


@pytest.fixture
def made(tmp_path: Path, valkey: str, build_services: BuildServices) -> Services:
    settings = config.read(var_dir=tmp_path / "var", redis_url=valkey, retention_days=30)
    databases.migrate(settings)
    client = redis.Redis.from_url(valkey)
    client.flushall()
    return build_services(settings)


def keep(made: Services, age_days: float = 0) -> StoredImage:
    """Keep an image with a masked picture."""
    image_id, job_id = uuid.uuid4(), uuid.uuid4()
    key, processed = objects.original_key(image_id, "a.jpg"), objects.processed_key(image_id, job_id, "png")
    moment = now() - timedelta(days=age_days)
    image = StoredImage(image_id, "a.jpg", "image/jpeg", 3, 1, 1, key, moment)
    job = StoredJob(job_id, image_id, "mask", "completed", 0.5, 0.4, processed_s3_key=processed, created_at=moment)
    for one in (key, processed):
        made.store.put(one, b"abc", "image/jpeg")  # type: ignore[union-attr]  # this store is on
    with made.sessions() as session:  # type: ignore[misc]
        rows.save_result(session, image, job, [])
    return image


def stored(made: Services) -> set[str]:
    return {found.key for found in made.store.list()}  # type: ignore[union-attr]


def make_old(made: Services) -> None:
    """Let every object look as if it had been written long ago."""
    for path in (made.settings.var_dir / "objects").rglob("*"):
        if path.is_file():
            os.utime(path, (1, 1))


def test_old_images_expire_with_objects(made: Services) -> None:
    keep(made, age_days=31)
    young = keep(made, age_days=29)
    assert maintenance.expire_images(made) == 1
    assert maintenance.clean_storage(made) == CleanupResult(removed=2, waiting=0)
    assert all(str(young.id) in key for key in stored(made))
    assert len(stored(made)) == 2


def test_orphans_are_removed_others_stay(made: Services) -> None:
    image = keep(made)
    orphan = objects.original_key(uuid.uuid4(), "left-over.jpg")
    for key in (orphan, "somebody/else.txt", "originals/readme.txt"):
        made.store.put(key, b"abc", "text/plain")  # type: ignore[union-attr]
    make_old(made)
    assert maintenance.compare(made).orphans == 1
    maintenance.clean_storage(made)
    assert orphan not in stored(made)
    assert {image.s3_key, "somebody/else.txt", "originals/readme.txt"} <= stored(made)


def test_young_objects_may_get_rows(made: Services) -> None:
    made.store.put(objects.original_key(uuid.uuid4(), "a.jpg"), b"abc", "image/jpeg")  # type: ignore[union-attr]
    assert maintenance.compare(made).orphans == 0


def test_rows_without_objects_are_counted(made: Services) -> None:
    image = keep(made)
    made.store.delete(image.s3_key)  # type: ignore[union-attr]
    assert maintenance.compare(made).missing == 1


def test_comparison_asks_for_no_object_alone(made: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        keep(made)

    def refuse(key: str) -> None:
        raise StorageUnavailable(key)

    monkeypatch.setattr(made.store, "stat", refuse)
    assert maintenance.compare(made) == StorageDifferences(orphans=0, missing=0)


@pytest.mark.parametrize("backwards", [False, True])
def test_missing_are_counted_whatever_the_order(
    made: Services, monkeypatch: pytest.MonkeyPatch, backwards: bool
) -> None:
    monkeypatch.setattr(comparisons, "OBJECTS_AT_ONCE", 2)
    images = [keep(made) for _ in range(7)]
    for image in images[2:4]:
        made.store.delete(image.s3_key)  # type: ignore[union-attr]
    found_in = made.store.list  # type: ignore[union-attr]
    monkeypatch.setattr(
        made.store, "list", lambda prefix="": iter(sorted(found_in(prefix), key=lambda one: one.key, reverse=backwards))
    )
    assert maintenance.compare(made) == StorageDifferences(orphans=0, missing=2)


def test_failing_removal_is_tried_again(made: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    image = keep(made)
    with made.sessions() as session:  # type: ignore[misc]
        records.delete_images(session, [image.id])

    def refuse(key: str) -> None:
        raise StorageUnavailable("down")

    with monkeypatch.context() as patch:
        patch.setattr(made.store, "delete", refuse)
        assert maintenance.clean_storage(made) == CleanupResult(removed=0, waiting=2)
    monkeypatch.setattr(cleanups, "now", lambda: now() + timedelta(hours=1))
    assert maintenance.clean_storage(made) == CleanupResult(removed=2, waiting=0)
    assert stored(made) == set()


def test_maintenance_command_reports(made: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(made, age_days=40)
    monkeypatch.setattr(config, "load", lambda: made.settings)
    made.engine.count_unsaved_result()
    ran = CliRunner().invoke(main, ["maintenance", "run"])
    assert ran.exit_code == 0, ran.output
    assert "images past their retention       1" in ran.output
    assert "objects removed                   2" in ran.output
    assert "results that could not be stored  1" in ran.output
    assert made.sessions is not None
    with made.sessions() as session:
        (record,) = audits.every(session, AuditFilter(deed="image.expired"))
    assert (record.actor_kind, record.actor) == ("cli", getpass.getuser())


def test_old_batches_are_deleted_with_their_objects(made: Services) -> None:
    settings = made.settings.model_copy(update={"retention_batch_days": 30, "retention_delivery_days": 30})
    made = replace(made, settings=settings)
    assert made.sessions is not None and made.store is not None
    with made.sessions() as session:
        batch = batches.begun(session, 2, webhook_url="https://example.com")
        for key in session.scalars(select(Image.s3_key)):
            made.store.put(key, b"x", "image/jpeg")
        lifecycle.cancel(session, batch)
        bulk.cancel_queued(session, batch)
        session.execute(update(Batch).values(finished_at=database_time(-31 * 86400)))
        session.commit()
    assert maintenance.expire_batches(made) == 1
    assert maintenance.remove_batches(made) == 2
    assert maintenance.clean_storage(made) == CleanupResult(removed=2, waiting=0)
    assert stored(made) == set()
    with made.sessions() as session:
        assert session.query(Batch).count() == session.query(Image).count() == 0
    assert (maintenance.expire_batches(made), maintenance.remove_batches(made)) == (0, 0)


@pytest.mark.parametrize("error", [StorageUnavailable(), UnicodeEncodeError("utf-8", "\udcff", 0, 1, "a defect")])
def test_prefix_that_fails_keeps_no_other_waiting(
    made: Services, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    assert made.store is not None and made.sessions is not None
    made.store.put("good/a.jpg", b"abc", "image/jpeg")
    found_in = made.store.list

    def failing(prefix: str = "") -> Iterator[StoredObject]:
        if prefix != "good/":
            raise error
        return found_in(prefix)

    monkeypatch.setattr(made.store, "list", failing)
    with made.sessions() as session:
        begun = [
            lifecycle.create(session, NewBatch("a", ResolvedMaskOptions(), prefix=prefix))[0].id
            for prefix in ("bad/", "good/", "worse/")
        ]
    assert maintenance.import_prefixes(made) == 1
    with made.sessions() as session:
        assert [lifecycle.get(session, one).status for one in begun] == ["open", "running", "open"]


def test_long_work_holds_up_no_task(made: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "built_services", lambda: made)
    begun, go_on, done = threading.Semaphore(0), threading.Event(), threading.Event()

    def slow(_: Services) -> None:
        begun.release()
        go_on.wait(30)
        done.set()

    begin = tasks._in_thread(slow)
    begin()
    assert begun.acquire(timeout=30) and not done.is_set()
    begin()
    assert not begun.acquire(timeout=0.3)  # one at a time
    go_on.set()
    assert done.wait(30)


@pytest.mark.parametrize(
    ("outcome", "reported"),
    [
        (0, False),
        (3, True),
        (CleanupResult(removed=0, waiting=0), False),
        (CleanupResult(removed=0, waiting=2), True),
        (StorageDifferences(orphans=0, missing=1), True),
    ],
)
def test_maintenance_tells_what_it_did(outcome: object, reported: bool) -> None:
    """Every few seconds a line about nothing would push the others out of sight."""
    assert tasks._did_something(outcome) is reported
