"""Images and objects are deleted in one way: rows first, and nothing that stays is forgotten."""

import uuid
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import event, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker

from core.batches import leases, lifecycle
from core.database.engine import SessionFactory
from core.database.models import BatchItem, CleanupTask, Image, ProcessingJob
from core.errors import NotFound, StorageUnavailable
from core.records import cleanups, deletions, records
from core.storage.folder import FolderStore
from tests.core import rows
from tests.core.batches import made


class Broken(FolderStore):
    """A store that deletes some objects, and then no more."""

    def __init__(self, folder: Path, deletes: int) -> None:
        super().__init__(folder, 60)
        self.deletes = deletes

    def delete(self, key: str) -> None:
        if not self.deletes:
            raise StorageUnavailable
        self.deletes -= 1
        super().delete(key)


def filled(folder: Path, keys: list[str], deletes: int = 100) -> Broken:
    store = Broken(folder, deletes)
    for key in keys:
        store.put(key, b"x", "image/jpeg")
    return store


def keys(store: FolderStore) -> set[str]:
    return {found.key for found in store.list()}


def tasks(sessions: SessionFactory) -> set[str]:
    with sessions() as session:
        return set(session.scalars(select(CleanupTask.s3_key)))


@pytest.mark.parametrize(("deletes", "left"), [(100, 0), (1, 1), (0, 2)])
def test_deleted_image_leaves_only_tasks(sessions: SessionFactory, tmp_path: Path, deletes: int, left: int) -> None:
    (image,) = rows.saved(sessions, 1)
    with sessions() as session:
        named = [image.s3_key, *session.scalars(select(ProcessingJob.processed_s3_key))]
    store = filled(tmp_path / "objects", [str(key) for key in named], deletes)
    deletions.delete_image(store, sessions, image.id)
    assert tasks(sessions) == keys(store)
    assert len(keys(store)) == left
    store.deletes = 100
    assert deletions.delete_due(store, sessions) == deletions.CleanupResult(removed=left, waiting=0)
    assert (tasks(sessions), keys(store)) == (set(), set())


def register(sessions: SessionFactory, folder: Path, count: int, deletes: int = 1000) -> Broken:
    """Have so many objects be due to be removed."""
    store = filled(folder / "objects", [f"originals/{number}/a.jpg" for number in range(count)], deletes)
    with sessions.begin() as session:
        cleanups.register(session, keys(store))
    return store


def test_due_objects_are_forgotten_many_at_a_time(sessions: SessionFactory, tmp_path: Path) -> None:
    """A database with one writer has calls wait for each transaction."""
    store, commits = register(sessions, tmp_path, 250), list[object]()
    engine, note = sessions.kw["bind"], commits.append
    event.listen(engine, "commit", note)
    assert deletions.delete_due(store, sessions) == deletions.CleanupResult(removed=250, waiting=0)
    event.remove(engine, "commit", note)
    assert (tasks(sessions), keys(store)) == (set(), set())
    assert len(commits) <= 2 * 3


def test_store_that_goes_down_is_left_alone(sessions: SessionFactory, tmp_path: Path) -> None:
    store = register(sessions, tmp_path, 5, deletes=2)
    assert deletions.delete_due(store, sessions) == deletions.CleanupResult(removed=2, waiting=3)
    assert tasks(sessions) == keys(store)
    with sessions() as session:
        assert sorted(session.scalars(select(CleanupTask.attempts))) == [0, 0, 1]


def test_deletions_end_with_their_time(
    sessions: SessionFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = register(sessions, tmp_path, 10)
    clock = SimpleNamespace(monotonic=lambda: 1000.0 - store.deletes)  # a second for each object
    monkeypatch.setattr(deletions, "time", clock)
    assert deletions.delete_due(store, sessions, 3) == deletions.CleanupResult(removed=3, waiting=7)
    assert tasks(sessions) == keys(store)


def test_unknown_image_is_not_found(sessions: SessionFactory, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        deletions.delete_image(filled(tmp_path, []), sessions, uuid.uuid4())


@pytest.mark.parametrize(("deletes", "left"), [(100, 0), (1, 1), (0, 2)])
def test_discarded_objects_are_gone_or_tasks(sessions: SessionFactory, tmp_path: Path, deletes: int, left: int) -> None:
    store = filled(tmp_path / "objects", ["originals/a/1", "originals/b/2"], deletes)
    deletions.discard(store, sessions, ["originals/a/1", "originals/b/2"])
    assert tasks(sessions) == keys(store)
    assert len(keys(store)) == left


def test_discard_survives_a_dead_database(sessions: SessionFactory, tmp_path: Path) -> None:
    class Down(Session):
        def commit(self) -> None:
            raise OperationalError("COMMIT", {}, Exception("away"))

    store = filled(tmp_path / "objects", ["originals/a/1", "originals/b/2"], deletes=1)
    deletions.discard(store, sessionmaker(sessions.kw["bind"], class_=Down), ["originals/a/1", "originals/b/2"])
    assert keys(store) == {"originals/b/2"}


def test_deleted_image_leaves_a_blank_item(session: Session) -> None:
    batch = made.begun(session, 3)
    for faces in (3, 2):
        leases.complete(session, made.taken(session), made.result(faces))
    session.execute(update(BatchItem).values(error_detail="of a.jpg", source_key="in/a.jpg"))
    session.commit()
    deleted = session.scalars(select(BatchItem).where(BatchItem.name.in_(["0.jpg", "2.jpg"]))).all()
    records.delete_images(session, [item.image_id for item in deleted if item.image_id])
    assert made.counts(session, batch) == {"completed": 1, "deleted": 2}
    assert lifecycle.get(session, batch).faces == 2
    made.assert_right(session, batch)
    stays = {
        "id",
        "batch_id",
        "position",
        "state",
        "attempts",
        "lost_leases",
        "available_at",
        "created_at",
        "finished_at",
    }
    for item in deleted:
        session.refresh(item)
        known = {name for name, value in vars(item).items() if not name.startswith("_") and value}
        assert known <= stays
    assert made.take(session) is None


def test_batch_ends_when_its_last_items_are_deleted(session: Session) -> None:
    batch = made.begun(session, 2)
    lifecycle.close(session, batch)
    leases.complete(session, made.taken(session), made.result())
    assert lifecycle.emptied(session) == []
    records.delete_images(session, list(session.scalars(select(Image.id))))
    assert lifecycle.emptied(session) == [batch]
    assert lifecycle.finish_if_done(session, batch)
    session.commit()
    assert lifecycle.emptied(session) == []


def test_worker_of_a_deleted_image_leaves_no_object(session: Session) -> None:
    batch = made.begun(session, 1)
    held = made.taken(session)
    records.delete_images(session, [held.image_id])
    assert not leases.extend(session, held, 60)
    assert not leases.complete(session, held, made.result(processed_s3_key="processed/late.jpeg"))
    assert "processed/late.jpeg" in set(session.scalars(select(CleanupTask.s3_key)))
    made.assert_right(session, batch)
