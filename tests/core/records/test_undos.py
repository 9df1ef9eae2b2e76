"""A mask by hand that is taken back: the result from before is the newest again, byte for byte."""

import hashlib
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from core import config, services
from core.batches import archive, items, leases, lifecycle
from core.database.engine import SessionFactory
from core.database.models import ProcessingJob
from core.errors import NotFound, NothingToUndo
from core.records import records, reviews, undos
from core.records.edits import ManualEdit, MaskEditor
from core.records.results import ResultStore
from core.records.rows import JobDetail, StoredImage
from core.storage.base import ObjectStore
from tests.core import rows
from tests.core.batches import made
from tests.core.records.test_edits import NOTHING, Engine, never
from tests.core.records.test_uncoverings import face

FACES = [face(0, 10), face(1, 100)]


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    found = services.object_store(config.read(var_dir=tmp_path / "store"))
    assert found is not None
    return found


@pytest.fixture
def results(store: ObjectStore, sessions: SessionFactory) -> Iterator[ResultStore]:
    opened = ResultStore(store, sessions, 2)
    yield opened
    opened.close()


@pytest.fixture
def image(sessions: SessionFactory, store: ObjectStore) -> StoredImage:
    """A picture whose job waits for a person."""
    image = rows.image(width=400, height=300)
    job = rows.mask_job(image, review_state="pending")
    store.put(image.s3_key, b"original", "image/jpeg")
    store.put(job.processed_s3_key or "", b"masked by the service", "image/jpeg")
    with sessions() as session:
        rows.save_result(session, image, job, FACES, {"review_faces": 1})
    return image


def edit(results: ResultStore, image_id: uuid.UUID | None, **changes: Any) -> uuid.UUID:
    assert image_id is not None
    return MaskEditor(results, Engine()).make(image_id, ManualEdit(**vars(NOTHING) | changes), never)


def newest(session: Session, image_id: uuid.UUID) -> JobDetail:
    session.rollback()
    return records.get_job(session, records.get_image(session, image_id).jobs[0].id)


def test_uncovered_faces_are_recorded(session: Session, results: ResultStore, image: StoredImage) -> None:
    edit(results, image.id, remove=(0, 1))
    found = newest(session, image.id)
    assert (found.job.edited_by, found.job.uncovered_faces) == ("admin", 2)
    assert [one["bbox"] for one in found.report["uncovered"]] == [one["bbox"] for one in FACES]
    edit(results, image.id, add=((9, 9, 51, 61),))
    assert newest(session, image.id).job.uncovered_faces == 1


def test_undo_brings_back_the_result_from_before(
    session: Session, results: ResultStore, store: ObjectStore, image: StoredImage
) -> None:
    undone = edit(results, image.id, remove=(0,))
    restored = undos.undo(results, undone, "somebody")
    found = newest(session, image.id)
    assert found.job.id == restored
    assert store.get(found.job.processed_s3_key or "") == b"masked by the service"
    assert (found.job.edited_by, found.detections, found.report["review_faces"]) == (None, FACES, 1)
    assert (found.report["undone"], found.report["undone_by"]) == (str(undone), "somebody")
    before = records.get_job(session, undone)
    assert (before.job.edited_by, before.job.uncovered_faces) == ("admin", 1)


def test_picture_waits_for_a_person_again(session: Session, results: ResultStore, image: StoredImage) -> None:
    restored = undos.undo(results, edit(results, image.id), "admin")
    assert [found.job.job.id for found in reviews.page(session, 1, 5).items] == [restored]


def test_each_edit_is_undone_in_turn(session: Session, results: ResultStore, image: StoredImage) -> None:
    first = edit(results, image.id, remove=(0,))
    second = edit(results, image.id, remove=(0,))
    restored = undos.undo(results, second, "admin")
    found = newest(session, image.id)
    assert (found.job.id, found.job.edited_by, found.job.uncovered_faces) == (restored, "admin", 1)
    assert found.report["restored_from"] == str(first)
    undos.undo(results, restored, "admin")
    assert newest(session, image.id).job.edited_by is None


def test_result_that_an_edit_replaced_comes_back(session: Session, results: ResultStore, image: StoredImage) -> None:
    """Not that of the job that it began with: the one that was the newest."""
    (first,) = records.get_image(session, image.id).jobs
    session.rollback()
    covered = edit(results, image.id)
    undone = edit(results, image.id, job_id=first.id, remove=(1,))
    undos.undo(results, undone, "admin")
    assert newest(session, image.id).report["restored_from"] == str(covered)


def test_only_the_newest_result_is_undone(results: ResultStore, image: StoredImage) -> None:
    first = edit(results, image.id)
    edit(results, image.id)
    with pytest.raises(NothingToUndo, match="newer"):
        undos.undo(results, first, "admin")


def test_result_of_the_service_is_not_undone(session: Session, results: ResultStore, image: StoredImage) -> None:
    (job,) = records.get_image(session, image.id).jobs
    session.rollback()
    with pytest.raises(NothingToUndo):
        undos.undo(results, job.id, "admin")
    with pytest.raises(NotFound):
        undos.undo(results, uuid.uuid4(), "admin")


def test_first_mask_of_an_image_is_not_undone(
    session: Session, results: ResultStore, store: ObjectStore, image: StoredImage
) -> None:
    """Without it there would be no masked picture at all."""
    session.execute(update(ProcessingJob).values(processed_s3_key=None, processed_size_bytes=None))
    session.commit()
    undone = edit(results, image.id)
    objects = {found.key for found in store.list()}
    with pytest.raises(NothingToUndo):
        undos.undo(results, undone, "admin")
    assert {found.key for found in store.list()} == objects


def test_edit_that_notes_no_result_brings_back_what_it_edited(
    session: Session, results: ResultStore, image: StoredImage
) -> None:
    """Edits from before it was noted: one of a mask, and one of a detection, which has no result."""
    (first,) = records.get_image(session, image.id).jobs
    for has_result in (True, False):
        session.rollback()
        undone = edit(results, image.id)
        report = {"edited_from": str(first.id)}
        session.execute(update(ProcessingJob).where(ProcessingJob.id == undone).values(report=report))
        if has_result:
            session.commit()
            undos.undo(results, undone, "admin")
            assert newest(session, image.id).report["restored_from"] == str(first.id)
            continue
        session.execute(update(ProcessingJob).where(ProcessingJob.id == first.id).values(processed_s3_key=None))
        session.commit()
        with pytest.raises(NothingToUndo, match="no masked picture"):
            undos.undo(results, undone, "admin")


def test_item_of_a_batch_follows_the_undo(session: Session, results: ResultStore, store: ObjectStore) -> None:
    batch = made.begun(session, 1)
    taken = made.taken(session)
    store.put(taken.key or "", b"original", "image/jpeg")
    store.put("processed/first.jpeg", b"first", "image/jpeg")
    digest = hashlib.sha256(b"first").hexdigest()
    leases.complete(session, taken, made.result(2, processed_s3_key="processed/first.jpeg"))
    undone = edit(results, taken.image_id)
    session.rollback()
    corrected = archive.describe_item(session, batch, taken.item_id)
    assert (corrected["corrected"], corrected["edited_by"], corrected["uncovered_faces"]) == (True, "admin", 0)
    session.rollback()
    restored = undos.undo(results, undone, "admin")
    session.rollback()
    row = items.page(session, lifecycle.get(session, batch), 1, 10).items[0].row
    assert (row.job_id, row.result_digest, row.face_count, row.corrected_at) == (restored, digest, 2, None)
    found = archive.find_result(session, batch, taken.item_id)
    assert found is not None and store.get(found.key) == b"first"
    assert records.get_job(session, restored).job.batch_id == batch
    made.assert_right(session, batch)
