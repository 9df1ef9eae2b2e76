"""Images and objects are deleted in one way: rows first, and nothing that stays is forgotten."""

import uuid
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker

from core.database.engine import SessionFactory
from core.database.models import CleanupTask, ProcessingJob
from core.errors import NotFound, StorageUnavailable
from core.records import deletions
from core.storage.folder import FolderStore
from tests.core import rows


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
