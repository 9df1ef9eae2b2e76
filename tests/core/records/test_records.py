"""Images and jobs: kept, listed, shown, deleted, the same on SQLite and on Postgres."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.database.engine import SessionFactory
from core.database.models import CleanupTask, Image, ProcessingJob
from core.errors import NotFound
from core.records import cleanups, records
from core.records.records import EVERY_JOB, JobFilter
from core.records.rows import ImageDetail, ImageSummary, JobDetail
from tests.core import rows
from tests.core.rows import NOON


def _count(sessions: SessionFactory, model: Any) -> int:
    with sessions() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def _task_keys(sessions: SessionFactory) -> set[str]:
    with sessions() as session:
        return set(session.scalars(select(CleanupTask.s3_key)))


def test_saved_result_is_told_in_full(session: Session) -> None:
    image = rows.image()
    job = rows.mask_job(image, batch_id=uuid.uuid4(), error="none", finished_at=NOON + timedelta(seconds=1))
    detections = [{"box": [1.5, 2.0, 3.0, 4.0], "confidence": 0.9, "name": "é"}]
    rows.save_result(session, image, job, detections)
    assert records.get_job(session, job.id) == JobDetail(job, image, detections)
    assert records.get_image(session, image.id) == ImageDetail(image, 1, job.processed_s3_key, jobs=[job])


def test_saved_result_is_there_for_others(sessions: SessionFactory) -> None:
    image = rows.image()
    with sessions() as session:
        rows.save_result(session, image, rows.detect_job(image))
    assert (_count(sessions, Image), _count(sessions, ProcessingJob)) == (1, 1)


def test_failed_save_leaves_nothing(sessions: SessionFactory) -> None:
    image = rows.image()
    with sessions() as session, pytest.raises(IntegrityError):
        rows.save_result(session, image, rows.detect_job(image, status="unheard of"))
    assert _count(sessions, Image) == 0
    assert rows.measured(sessions) == {}


def test_detect_job_has_no_method(session: Session) -> None:
    image = rows.image()
    with pytest.raises(IntegrityError):
        rows.save_result(session, image, rows.detect_job(image, blur_method="gaussian"))


def test_job_needs_an_image(sessions: SessionFactory) -> None:
    with pytest.raises(IntegrityError):
        rows.add_jobs(sessions, [rows.detect_job(rows.image())])


def test_times_know_their_zone(session: Session) -> None:
    image = rows.image()
    rows.save_result(session, image, rows.detect_job(image))
    assert records.get_image(session, image.id).image.created_at.isoformat() == "2026-03-04T12:00:00+00:00"


def test_images_are_listed_newest_first(sessions: SessionFactory) -> None:
    made = rows.saved(sessions, 5)
    with sessions() as session:
        pages = [records.page_images(session, page, 2) for page in (1, 2, 3, 4)]
    assert [item.image for page in pages for item in page.items] == made
    assert [(page.total, page.pages, len(page.items)) for page in pages] == [(5, 3, 2), (5, 3, 2), (5, 3, 1), (5, 3, 0)]


def test_images_of_one_moment_keep_their_order(sessions: SessionFactory) -> None:
    made = [rows.image() for _ in range(9)]
    with sessions() as session:
        for image in made:
            rows.save_result(session, image, rows.detect_job(image))
        shown = [item.image for page in (1, 2, 3) for item in records.page_images(session, page, 3).items]
    assert shown == sorted(made, key=lambda image: image.id, reverse=True)


def test_no_images_is_an_empty_page(session: Session) -> None:
    page = records.page_images(session, 1, 20)
    assert (page.items, page.total, page.pages) == ([], 0, 0)


def test_image_tells_newest_processed_picture(sessions: SessionFactory) -> None:
    image = rows.saved(sessions, 1)[0]
    newer, newest = (rows.mask_job(image, created_at=NOON + timedelta(hours=hours)) for hours in (1, 2))
    unfinished = {"status": "queued", "processed_s3_key": None, "processed_size_bytes": None}
    newest = replace(newest, edited_by="ann", uncovered_faces=1)
    rows.add_jobs(sessions, [newest, newer, rows.mask_job(image, created_at=NOON + timedelta(hours=3), **unfinished)])
    with sessions() as session:
        (listed,) = records.page_images(session, 1, 1).items
        assert listed == ImageSummary(image, 4, newest.processed_s3_key, "ann", 1)
        assert records.get_image(session, image.id).processed_s3_key == newest.processed_s3_key


def test_image_without_jobs_is_listed(sessions: SessionFactory) -> None:
    image = rows.image()
    with sessions.begin() as session:
        session.add(Image(**vars(image)))
    with sessions() as session:
        assert records.page_images(session, 1, 1).items == [ImageSummary(image, 0, None)]


def test_page_takes_as_many_queries_as_one_image(sessions: SessionFactory) -> None:
    rows.saved(sessions, 12)
    statements: list[str] = []
    event.listen(sessions.kw["bind"], "before_cursor_execute", lambda *call: statements.append(call[2]))
    with sessions() as session:
        records.page_images(session, 1, 1)
        for_one = len(statements)
        records.page_images(session, 1, 12)
    assert len(statements) == 2 * for_one <= 8


@pytest.mark.parametrize("question", [records.get_image, records.get_job])
def test_unknown_id_is_not_found(session: Session, question: Any) -> None:
    with pytest.raises(NotFound):
        question(session, uuid.uuid4())


def test_deleted_image_leaves_tasks_for_its_objects(sessions: SessionFactory) -> None:
    image, other = rows.saved(sessions, 2)
    job = rows.mask_job(image)
    rows.add_jobs(sessions, [job, rows.detect_job(image)])
    with sessions() as session:
        known = cleanups.known_keys(session, [image.id])
        keys = records.delete_images(session, [image.id])
    assert len(keys) == 3 and {image.s3_key, job.processed_s3_key} < set(keys)
    assert _task_keys(sessions) == set(keys) == known
    with sessions() as session:
        assert [item.image for item in records.page_images(session, 1, 20).items] == [other]
        assert {job.image_id for job in records.page_jobs(session, 1, 20).items} == {other.id}


@pytest.mark.parametrize(("moment", "left"), [("before_commit", (1, 1, 0)), ("after_commit", (0, 0, 2))])
def test_interrupted_delete_forgets_no_object(
    sessions: SessionFactory, moment: str, left: tuple[int, int, int]
) -> None:
    image = rows.saved(sessions, 1)[0]
    with sessions() as session:
        event.listen(session, moment, _fail)
        with pytest.raises(ConnectionError):
            records.delete_images(session, [image.id])
    assert (_count(sessions, Image), _count(sessions, ProcessingJob), len(_task_keys(sessions))) == left
    assert rows.counted(sessions) == left[1]


def _fail(_session: Session) -> None:
    raise ConnectionError


def test_many_images_are_deleted_at_once(sessions: SessionFactory) -> None:
    made = rows.saved(sessions, 3)
    with sessions() as session:
        keys = records.delete_images(session, [made[0].id, made[2].id, uuid.uuid4()])
        assert [item.image for item in records.page_images(session, 1, 20).items] == [made[1]]
    assert len(keys) == 4 and _task_keys(sessions) == set(keys)


def test_delete_waits_for_a_job_just_added(postgres_sessions: SessionFactory) -> None:
    """Its object has a task too: a delete that overtook it would leave the object to nobody."""
    image = rows.saved(postgres_sessions, 1)[0]
    job = rows.mask_job(image)
    with postgres_sessions() as adding, ThreadPoolExecutor() as pool:
        adding.add(ProcessingJob(**vars(job)))
        adding.flush()
        began = threading.Event()
        deleted = pool.submit(_delete, postgres_sessions, image.id, began)
        began.wait()
        with pytest.raises(TimeoutError):
            deleted.result(timeout=0.3)
        adding.commit()
        assert job.processed_s3_key in deleted.result(timeout=60)


def _delete(sessions: SessionFactory, image_id: uuid.UUID, began: threading.Event) -> list[str]:
    with sessions() as session:
        began.set()
        return records.delete_images(session, [image_id])


def test_image_is_deleted_once_by_two(postgres_sessions: SessionFactory) -> None:
    image = rows.saved(postgres_sessions, 1)[0]
    with ThreadPoolExecutor() as pool:
        calls = [pool.submit(_delete, postgres_sessions, image.id, threading.Event()) for _ in range(2)]
        errors = [call.exception(timeout=60) for call in calls]
    assert errors == [None, None]
    assert sorted(len(call.result()) for call in calls) == [0, 2]
    assert len(_task_keys(postgres_sessions)) == 2


@pytest.mark.parametrize("wanted", [EVERY_JOB, JobFilter(method="solid")])
def test_list_is_read_from_its_end(session: Session, sessions: SessionFactory, wanted: JobFilter) -> None:
    rows.saved(sessions, 7, blur_method="solid")
    rows.saved(sessions, 2)
    whole = records.page_jobs(session, 1, 100, wanted)
    pages = [records.page_jobs_from_oldest(session, number, 3, wanted) for number in (1, 2, 3, 4)]
    reported = [job.id for page in pages for job in page.items]
    assert reported == [job.id for job in reversed(whole.items)]
    assert {page.total for page in pages} == {whole.total}
