"""A picture of a batch that a person masks again: its item, counts and jobs follow."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core import config, services
from core.batches import archive, bulk, items, leases, lifecycle
from core.database.engine import SessionFactory
from core.database.models import Batch, BatchItem, ProcessingJob
from core.records import records
from core.records.edits import MaskEditor
from core.records.results import ResultStore
from core.storage.base import ObjectStore
from tests.core.batches import made
from tests.core.records.test_edits import NOTHING, Engine, never


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    found = services.object_store(config.read(var_dir=tmp_path / "store"))
    assert found is not None
    return found


@pytest.fixture
def editor(store: ObjectStore, sessions: SessionFactory) -> Iterator[MaskEditor]:
    results = ResultStore(store, sessions, 2)
    yield MaskEditor(results, Engine())
    results.close()


def begun(session: Session, store: ObjectStore, count: int = 1) -> tuple[uuid.UUID, list[BatchItem]]:
    """Begin a batch whose pictures are in the store."""
    batch = made.begun(session, count)
    found = list(session.scalars(select(BatchItem).order_by(BatchItem.position)))
    for item in found:
        assert item.image_id is not None
        store.put(records.get_image(session, item.image_id).image.s3_key, b"original", "image/jpeg")
    session.rollback()
    return batch, found


def shown(session: Session, batch: uuid.UUID) -> BatchItem:
    return items.page(session, lifecycle.get(session, batch), 1, 10).items[0].row


def test_corrected_item_has_the_new_result(session: Session, store: ObjectStore, editor: MaskEditor) -> None:
    batch, (item,) = begun(session, store)
    lifecycle.close(session, batch)
    leases.complete(session, made.taken(session), made.result(0, processed_s3_key="processed/old.jpeg"))
    before = shown(session, batch).finished_at
    job_id = editor.make(item.image_id, NOTHING, never)  # type: ignore[arg-type]  # an upload has an image
    session.rollback()
    row = shown(session, batch)
    assert (row.state, row.job_id, row.face_count) == ("completed", job_id, 1)
    assert row.corrected_at is not None and row.finished_at is not None and before is not None
    assert row.finished_at >= before
    job = records.get_job(session, job_id).job
    assert job.batch_id == batch
    found = archive.find_result(session, batch, item.id)
    assert found is not None
    assert (found.key, found.sha256) == (job.processed_s3_key, row.result_digest)
    assert store.get(found.key) == b"masked"
    described = archive.describe_item(session, batch, item.id)
    assert (described["corrected"], described["report"]["by"]) == (True, "admin")
    made.assert_right(session, batch)


@pytest.mark.parametrize("ended", ["failed", "cancelled"])
def test_correction_completes_what_has_no_result(
    session: Session, store: ObjectStore, editor: MaskEditor, ended: str
) -> None:
    batch, (item,) = begun(session, store)
    if ended == "failed":
        leases.fail(session, made.taken(session), "residual_face", "a face is left")
    lifecycle.cancel(session, batch)
    bulk.cancel_queued(session, batch)
    assert shown(session, batch).state == ended
    editor.make(item.image_id, NOTHING, never)  # type: ignore[arg-type]
    session.rollback()
    row = shown(session, batch)
    assert (row.state, row.error_code, row.error_detail) == ("completed", None, None)
    assert made.counts(session, batch) == {"completed": 1}
    made.assert_right(session, batch)


def test_item_that_waits_keeps_its_job(session: Session, store: ObjectStore, editor: MaskEditor) -> None:
    batch, (item,) = begun(session, store)
    job_id = editor.make(item.image_id, NOTHING, never)  # type: ignore[arg-type]
    session.rollback()
    assert (shown(session, batch).state, shown(session, batch).job_id) == ("queued", item.job_id)
    assert records.get_job(session, job_id).job.batch_id == batch
    leases.complete(session, made.taken(session), made.result(2))
    row = shown(session, batch)
    assert (row.job_id, row.corrected_at) == (item.job_id, None)
    made.assert_right(session, batch)


def test_detections_stay_what_was_found(session: Session, store: ObjectStore, editor: MaskEditor) -> None:
    batch, (item,) = begun(session, store)
    leases.complete(session, made.taken(session), made.result(2))
    session.execute(update(Batch).values(job_type="detect"))
    session.commit()
    editor.make(item.image_id, NOTHING, never)  # type: ignore[arg-type]
    session.rollback()
    assert (shown(session, batch).job_id, shown(session, batch).face_count) == (item.job_id, 2)


def test_corrected_item_is_blanked_with_its_image(session: Session, store: ObjectStore, editor: MaskEditor) -> None:
    batch, (item,) = begun(session, store)
    leases.complete(session, made.taken(session), made.result(2))
    editor.make(item.image_id, NOTHING, never)  # type: ignore[arg-type]
    session.rollback()
    records.delete_images(session, [item.image_id])  # type: ignore[list-item]
    assert session.scalars(select(ProcessingJob.id)).all() == []
    assert made.counts(session, batch) == {"deleted": 1}
    made.assert_right(session, batch)
