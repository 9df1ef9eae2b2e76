"""Uploads to a batch, and what is left in the store."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select

from core.batches import lifecycle
from core.batches.uploads import BatchUploader
from core.database.engine import SessionFactory
from core.database.models import Image
from core.errors import BatchClosed
from core.records import cleanups
from core.records.results import ResultStore
from core.storage.folder import FolderStore
from tests.contract.pictures import encoded, landscape
from tests.core.batches.made import begun


@dataclass
class Sent:
    """A file of an upload; meanwhile: what happens elsewhere while it is read."""

    name: str
    meanwhile: Callable[[], object] = lambda: None

    def read(self) -> bytes:
        self.meanwhile()
        return encoded(landscape(64, 48), "JPEG")


def test_upload_that_becomes_no_item_leaves_the_store(sessions: SessionFactory, tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "objects", 60)
    results = ResultStore(store, sessions, 2)
    uploader = BatchUploader(results, 10**8, 100)
    with sessions() as session:
        batch = begun(session)

    def close() -> None:
        with sessions() as other:
            lifecycle.close(other, batch)

    uploader.take(batch, [Sent("a.jpg", lambda: uploader.take(batch, [Sent("a.jpg")]))])
    with pytest.raises(BatchClosed):
        uploader.take(batch, [Sent("b.jpg", close)])
    results.close()
    with sessions() as session:
        named = set(session.scalars(select(Image.s3_key)))
        assert cleanups.due(session) == []
    assert len(named) == 1
    assert {found.key for found in store.list()} == named
