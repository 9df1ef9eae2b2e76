"""Reviews: jobs with doubtful faces, until a person has checked them. All SQL about reviews."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from core.contract.deeds import Deed
from core.contract.states import ReviewState
from core.database import audits, pages
from core.database.clock import now
from core.database.models import Image, ProcessingJob
from core.database.pages import Page
from core.errors import NewerResult, NotFound, NothingToUndo
from core.records import batch_items, records
from core.records.rows import ImageSummary, JobDetail, StoredJob


@dataclass(frozen=True)
class Review:
    """A job that waits for a person, with its picture."""

    job: JobDetail
    image: ImageSummary


@dataclass(frozen=True)
class SeenResult:
    """An image's newest result as a person knows it. job_id: None where there was none."""

    job_id: uuid.UUID | None


@dataclass(frozen=True)
class ManualResult:
    """What a person has decided that a picture looks like.

    digest: SHA-256 of the masked picture; seen: as in an edit.
    """

    job: StoredJob
    detections: Any
    report: dict[str, Any]
    digest: str
    seen: SeenResult | None = None


def page(session: Session, page: int, per_page: int, batch_id: uuid.UUID | None = None) -> Page[Review]:
    """Return one page of the jobs that wait for a person, of all or of one batch, newest first.

    Counted and skipped in the index of those that wait: it holds no other jobs.
    """
    waiting = select(ProcessingJob.id).where(ProcessingJob.review_state == ReviewState.PENDING)
    waiting = waiting.where(ProcessingJob.batch_id == batch_id) if batch_id else waiting
    newest_first = waiting.order_by(ProcessingJob.created_at.desc(), ProcessingJob.id.desc())
    ids = pages.fetch(session, newest_first, page, per_page)
    jobs = records.jobs_in_full(session, ids.items)
    images = records.summaries(session, [job.image for job in jobs])
    return Page([Review(*pair) for pair in zip(jobs, images, strict=True)], ids.total, page, per_page)


def waiting(session: Session, batch_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, int]:
    """Return how many jobs of these batches wait for a person, by batch; one without any is left out."""
    of_batches = select(ProcessingJob.batch_id, func.count()).where(
        ProcessingJob.review_state == ReviewState.PENDING, ProcessingJob.batch_id.in_(batch_ids)
    )
    return {
        batch_id: count for batch_id, count in session.execute(of_batches.group_by(ProcessingJob.batch_id)) if batch_id
    }


def to_edit(session: Session, image_id: uuid.UUID, job_id: uuid.UUID | None) -> JobDetail | None:
    """Return the job of an image whose faces are to be edited: the named one, else the newest that has a result.

    None where there is no such job; NotFound where the named one is none of this image.
    """
    if job_id is None:
        of_image = (ProcessingJob.image_id == image_id, ProcessingJob.detections.is_not(None))
        newest_first = (ProcessingJob.created_at.desc(), ProcessingJob.id.desc())
        job_id = session.scalar(select(ProcessingJob.id).where(*of_image).order_by(*newest_first).limit(1))
        if job_id is None:
            return None
    found = records.get_job(session, job_id)
    if found.image.id != image_id:
        raise NotFound(f"there is no job {job_id} of this image")
    return found


def accept(session: Session, job_id: uuid.UUID, by: str) -> None:
    """Accept the faces of a job as they are; NotFound without it. Commits."""
    _judge(session, job_id, {"verdict": "accepted", "by": by})
    audits.record(session, Deed.REVIEW_ACCEPTED, job_id)
    session.commit()


def reopen(session: Session, job_id: uuid.UUID, by: str) -> None:
    """Let a job wait for a person again whose faces were accepted; NotFound without it. Commits.

    NothingToUndo where nobody has accepted them, also since the picture was masked by hand.
    """
    _lock_image_of(session, job_id)  # a mask by hand comes before or after
    report = records.get_job(session, job_id).report
    if not isinstance(report, dict) or report.get("review", {}).get("verdict") != "accepted":
        raise NothingToUndo("nobody has accepted the faces of this job")
    _judge(session, job_id, {"verdict": "reopened", "by": by}, ReviewState.PENDING)
    audits.record(session, Deed.REVIEW_REOPENED, job_id)
    session.commit()


def insert_edited(session: Session, made: ManualResult) -> None:
    """Insert what a person made of a picture, and finish the review of the job that was edited.

    If it came from a batch, its item has this result from now on. NewerResult when there is one that the person has not
    seen. Part of the caller's transaction.
    """
    job = made.job
    item = batch_items.of_image(session, job.image_id)
    _lock_image(session, job.image_id)
    replaced = require_newest(session, job.image_id, made.seen)
    report = made.report | {"replaced": replaced and str(replaced)}
    records.insert_job(session, replace(job, batch_id=item and item.batch_id), made.detections, report)
    if report["edited_from"]:
        verdict = {"verdict": "edited", "by": report["by"], "job_id": str(job.id)}
        _judge(session, uuid.UUID(report["edited_from"]), verdict)
    if item:
        batch_items.follow(session, item, job, made.digest)
    audits.record(session, Deed.MASK_EDITED, job.id, image_id=str(job.image_id))


def insert_restored(session: Session, undone: uuid.UUID, made: ManualResult) -> None:
    """Insert the result from before a mask by hand anew, so that it is the newest, in its item as well.

    NothingToUndo when the one that is undone is the newest no longer. Part of the caller's transaction.
    """
    job = made.job
    item = batch_items.of_image(session, job.image_id)
    _lock_image(session, job.image_id)
    if newest_result(session, job.image_id) != undone:
        raise NothingToUndo("there is a newer result")
    records.insert_job(session, job, made.detections, made.report)
    if item:
        batch_items.follow(session, item, job, made.digest)
    audits.record(session, Deed.MASK_UNDONE, undone, image_id=str(job.image_id), job_id=str(job.id))


def newest_result(session: Session, image_id: uuid.UUID) -> uuid.UUID | None:
    """Return the job whose result is an image's newest; None without one."""
    with_result = (ProcessingJob.image_id == image_id, ProcessingJob.processed_s3_key.is_not(None))
    newest_first = (ProcessingJob.created_at.desc(), ProcessingJob.id.desc())
    return session.scalar(select(ProcessingJob.id).where(*with_result).order_by(*newest_first).limit(1))


def require_newest(session: Session, image_id: uuid.UUID, seen: SeenResult | None) -> uuid.UUID | None:
    """Return what newest_result does; NewerResult when a person has seen another. seen: None: whatever it is."""
    newest = newest_result(session, image_id)
    if seen is not None and newest != seen.job_id:
        raise NewerResult
    return newest


def _lock_image(session: Session, image_id: uuid.UUID) -> None:
    session.execute(select(Image.id).where(Image.id == image_id).with_for_update())


def _judge(session: Session, job_id: uuid.UUID, verdict: dict[str, Any], state: ReviewState = ReviewState.DONE) -> None:
    _lock_image_of(session, job_id)
    columns = (ProcessingJob.report, ProcessingJob.review_state)
    row = select(*columns).where(ProcessingJob.id == job_id).with_for_update()
    found = session.execute(row).first()
    if found is None:
        raise NotFound(f"there is no job {job_id}")
    said = verdict | {"at": now().isoformat(), "state_before": found.review_state}
    report = (found.report or {}) | {"review": said}
    done = {"review_state": state, "report": report}
    session.execute(update(ProcessingJob).where(ProcessingJob.id == job_id).values(done))


def _lock_image_of(session: Session, job_id: uuid.UUID) -> None:
    """Lock the image of a job before the job: a trigger changes its row, and a deletion locks it first."""
    image_id = select(ProcessingJob.image_id).where(ProcessingJob.id == job_id).scalar_subquery()
    session.execute(select(Image.id).where(Image.id == image_id).with_for_update())
