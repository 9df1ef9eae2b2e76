"""Uploads to a batch, and what is left in the store."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from core.batches import archive, bulk, item_names, items, leases, lifecycle
from core.batches.uploads import BatchUploader, UnsentPicture
from core.database.engine import SessionFactory
from core.database.models import BatchItem, Image
from core.errors import BatchClosed
from core.records import cleanups
from core.records.results import ResultStore
from core.storage.folder import FolderStore
from tests.contract.pictures import encoded, landscape
from tests.core.batches.made import assert_right, begun, counts, result, taken


@dataclass
class Sent:
    """A file of an upload; meanwhile: what happens elsewhere while it is read."""

    name: str
    meanwhile: Callable[[], object] = lambda: None
    data: bytes = encoded(landscape(64, 48), "JPEG")

    def read(self) -> bytes:
        self.meanwhile()
        return self.data


@pytest.fixture
def uploader(sessions: SessionFactory, tmp_path: Path) -> Iterator[BatchUploader]:
    results = ResultStore(FolderStore(tmp_path / "objects", 60), sessions, 2)
    yield BatchUploader(results, 10**8, 100)
    results.close()


def listed(session: Session, batch: uuid.UUID) -> list[tuple[str | None, str, str | None]]:
    page = items.page(session, lifecycle.get(session, batch), 1, 50)
    return [(item.row.name, item.row.state, item.row.error_code) for item in page.items]


def test_refused_files_stay_as_items(session: Session, uploader: BatchUploader) -> None:
    batch = begun(session)
    sent = [
        Sent("a.jpg"),
        Sent("b.gif", data=b"GIF89a"),
        Sent("../c\x00.jpg"),
        Sent("", data=b""),
        Sent("d.jpg", data=b""),
    ]
    receipt = uploader.take(batch, sent)
    assert [(one.name, one.code) for one in receipt.refused] == [
        ("b.gif", "unsupported_image"),
        ("../c\x00.jpg", "invalid_name"),
        ("", "invalid_name"),
        ("d.jpg", "no_image"),
    ]
    session.rollback()
    rows = [
        ("a.jpg", "queued", None),
        ("b.gif", "refused", "unsupported_image"),
        ("../c\\x00.jpg", "refused", "invalid_name"),
        ("(no name)", "refused", "invalid_name"),
        ("d.jpg", "refused", "no_image"),
    ]
    assert listed(session, batch) == rows
    assert counts(session, batch) == {"queued": 1, "refused": 4}
    uploader.take(batch, sent)
    session.rollback()
    assert listed(session, batch) == rows, "a repeat makes none"
    assert_right(session, batch)
    leases.complete(session, taken(session), result())
    assert lifecycle.close(session, batch).status == "completed"
    assert bulk.retry_failed(session, batch) == 0
    (entry,) = [archive.describe_item(session, batch, one.id) for one in session.scalars(of_name("b.gif"))]
    assert (entry["state"], entry["error"]["code"]) == ("refused", "unsupported_image")


def of_name(name: str) -> Select[BatchItem]:
    return select(BatchItem).where(BatchItem.name == name)


def test_mended_file_takes_the_place_of_a_refused_one(session: Session, uploader: BatchUploader) -> None:
    batch = begun(session)
    uploader.take(batch, [Sent("a.jpg", data=b"cut"), Sent("b.jpg", data=b"cut")])
    (refused,) = session.scalars(of_name("a.jpg")).all()
    session.rollback()
    receipt = uploader.take(batch, [Sent("a.jpg"), Sent("b.jpg", data=b"cut again"), Sent("a.jpg")])
    assert [(one.id, one.state, one.duplicate) for one in receipt.accepted] == [
        (refused.id, "queued", False),
        (refused.id, "queued", True),
    ]
    session.rollback()
    assert listed(session, batch) == [("a.jpg", "queued", None), ("b.jpg", "refused", "unsupported_image")]
    assert counts(session, batch) == {"queued": 1, "refused": 1}
    assert_right(session, batch)
    assert taken(session).key is not None
    receipt = uploader.take(batch, [Sent("a.jpg"), Sent("a.jpg", data=b"cut")])
    assert [(one.duplicate, one.state) for one in receipt.accepted] == [(True, "running")]
    assert [one.code for one in receipt.refused] == ["name_taken"]


def test_another_file_of_a_name_stays_as_a_row(session: Session, uploader: BatchUploader) -> None:
    batch = begun(session)
    other = Sent("a.jpg", data=encoded(landscape(32, 48), "JPEG"))
    for sent in ([Sent("a.jpg"), other], [other]):  # in one call, in another, and repeated
        receipt = uploader.take(batch, sent)
        assert [one.code for one in receipt.refused] == ["name_taken"]
        session.rollback()
        first, second = listed(session, batch)
        assert first == ("a.jpg", "queued", None)
        assert second == (item_names.beside("a.jpg", sha256(other.data).hexdigest()), "refused", "name_taken")
    assert counts(session, batch) == {"queued": 1, "refused": 1}
    assert_right(session, batch)


def test_files_that_can_not_be_sent_are_noted(session: Session, uploader: BatchUploader) -> None:
    batch = begun(session)
    uploader.take(batch, [Sent("a.jpg")])
    unsent = [
        UnsentPicture("a.jpg", 1, "upload_too_large"),
        UnsentPicture("huge.tif", 10**9, "upload_too_large"),
        UnsentPicture('5" disk\\b.jpg', 3, "unsendable_name"),
    ]
    for _ in range(2):
        uploader.note_unsent(batch, unsent)
        session.rollback()
        assert listed(session, batch) == [
            ("a.jpg", "queued", None),
            ("huge.tif", "refused", "upload_too_large"),
            ('5" disk\\b.jpg', "refused", "unsendable_name"),
        ]
    assert counts(session, batch) == {"queued": 1, "refused": 2}
    assert_right(session, batch)
    uploader.take(batch, [Sent("huge.tif")])
    session.rollback()
    assert counts(session, batch) == {"queued": 2, "refused": 1}


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
