"""Uploads in pieces: how many a sender may have, however many are begun at once."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.batches.videos import objects, uploads
from core.database import locks
from core.database.engine import SessionFactory
from core.errors import RateLimited
from core.storage.folder import FolderStore
from core.storage.objects import StoredObject

AT_ONCE = 12


class FarStore(FolderStore):
    """A store that takes a moment to answer, as one over a network does."""

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        found = list(super().list(prefix))
        time.sleep(0.02)
        yield from found


def test_only_so_many_begin_at_once(sessions: SessionFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "WITHIN", "60s")  # however busy the machine is
    store, together = FarStore(tmp_path / "objects", 60), threading.Barrier(AT_ONCE)

    def begin(_: int) -> bool:
        together.wait()
        try:
            with sessions() as session:
                uploads.begin(session, store, "a sender", "street.mp4", 1000)
        except RateLimited:
            return False
        return True

    with ThreadPoolExecutor(AT_ONCE) as pool:
        begun = list(pool.map(begin, range(AT_ONCE)))
    assert begun.count(True) == uploads.MOST_UNFINISHED
    assert len(list(store.list(objects.uploads_of("a sender")))) == uploads.MOST_UNFINISHED


def test_senders_have_room_of_their_own(sessions: SessionFactory, tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "objects", 60)
    for sender in ("one", "two"):
        for _ in range(uploads.MOST_UNFINISHED):
            with sessions() as session:
                uploads.begin(session, store, sender, "street.mp4", 1000)
