"""Images and jobs: inserted, listed, shown, deleted. All SQL about them; one function is one query."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, func, select, union_all
from sqlalchemy.orm import InstrumentedAttribute, Session

from core.contract.deeds import Deed
from core.database import audits, tallies, upserts
from core.database.models import Image, ProcessingJob
from core.database.pages import Page
from core.database.tallies import RowFilter
from core.errors import NotFound
from core.records import batch_items, cleanups
from core.records.rows import ImageDetail, ImageSummary, JobDetail, StoredImage, StoredJob

# What a summary of an image says of its newest result.
OF_RESULT = ("processed_s3_key", "edited_by", "uncovered_faces")
FIRST_MOMENT, LAST_MOMENT = datetime(1000, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class JobFilter:
    """Which jobs are listed: all that are like every value given, in one of the statuses, created at `created_after` or
    later and before `created_before`. api_key_ids: one of these keys was the caller."""

    job_type: str | None = None
    method: str | None = None
    statuses: tuple[str, ...] = ()
    batch_id: uuid.UUID | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    api_key_ids: frozenset[uuid.UUID] | None = None

    def rows(self) -> RowFilter:
        """Say it in the table's words."""
        # A method implies `mask`; naming both would need an index on both.
        job_type = None if self.method and self.job_type == "mask" else self.job_type
        wanted = {"job_type": job_type, "blur_method": self.method, "batch_id": self.batch_id}
        equal = {name: value for name, value in wanted.items() if value is not None}
        limits = (_clipped(self.created_after), _clipped(self.created_before))
        return RowFilter(ProcessingJob, equal, *limits, self.statuses)


EVERY_JOB = JobFilter()
ALL_IMAGES = RowFilter(Image)


def insert_image(session: Session, image: StoredImage) -> None:
    """Insert an image; part of the caller's transaction."""
    session.execute(upserts.table_of(Image).insert(), vars(image))


def insert_job(session: Session, job: StoredJob, detections: Any = None, report: Any = None) -> None:
    """Insert a job with its documents; part of the caller's transaction."""
    documents = {"detections": detections, "report": report}
    session.execute(upserts.table_of(ProcessingJob).insert(), vars(job) | documents)


def image_rows(created_after: datetime | None = None, created_before: datetime | None = None) -> RowFilter:
    """Return the filter of the images that were created in a range of time."""
    return RowFilter(Image, {}, _clipped(created_after), _clipped(created_before))


def page_images(session: Session, page: int, per_page: int, rows: RowFilter = ALL_IMAGES) -> Page[ImageSummary]:
    """Return one page of the images, newest first."""
    total, found = _slice(session, rows, (page - 1) * per_page, per_page)
    return Page(summaries(session, [StoredImage(*row) for row in found]), total, page, per_page)


def summaries(session: Session, images: list[StoredImage]) -> list[ImageSummary]:
    """Tell of each of these images what was done to it."""
    known = _job_summaries(session, [image.id for image in images])
    return [ImageSummary(image, *known.get(image.id, (0, None))) for image in images]


def images_of(session: Session, image_ids: Collection[uuid.UUID]) -> list[ImageSummary]:
    """Return those of these images that are there, newest first, and what was done to them."""
    whole = select(*_columns(Image)).where(Image.id.in_(image_ids)).order_by(Image.created_at.desc(), Image.id.desc())
    return summaries(session, [StoredImage(*row) for row in session.execute(whole)])


def get_image(session: Session, image_id: uuid.UUID) -> ImageDetail:
    """Return an image with all of its jobs; NotFound without it."""
    image = _one(session.execute(select(*_columns(Image)).where(Image.id == image_id)).first(), "image", image_id)
    newest_first = (ProcessingJob.created_at.desc(), ProcessingJob.id.desc())
    of_image = select(*_columns(ProcessingJob)).where(ProcessingJob.image_id == image_id).order_by(*newest_first)
    jobs = [StoredJob(*row) for row in session.execute(of_image)]
    result = next((job for job in jobs if job.processed_s3_key), None)
    said: dict[str, Any] = {name: getattr(result, name, None) for name in OF_RESULT}
    return ImageDetail(image=StoredImage(*image), job_count=len(jobs), jobs=jobs, **said)


def page_jobs(session: Session, page: int, per_page: int, wanted: JobFilter = EVERY_JOB) -> Page[StoredJob]:
    """Return one page of the wanted jobs, newest first."""
    total, found = _slice(session, wanted.rows(), (page - 1) * per_page, per_page)
    return Page([StoredJob(*row) for row in found], total, page, per_page)


def page_jobs_from_oldest(session: Session, page: int, per_page: int, wanted: JobFilter) -> Page[StoredJob]:
    """Return one page of the wanted jobs, oldest first: the same list, read from its end."""
    end = tallies.seek(session, wanted.rows(), 0).total - (page - 1) * per_page
    start = max(0, end - per_page)
    total, found = _slice(session, wanted.rows(), start, max(0, end - start))
    return Page([StoredJob(*row) for row in reversed(found)], total, page, per_page)


def jobs_of(session: Session, job_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, StoredJob]:
    """Return those of these jobs that are there, by id."""
    found = session.execute(select(*_columns(ProcessingJob)).where(ProcessingJob.id.in_(job_ids)))
    return {row.id: StoredJob(*row) for row in found}


def get_job(session: Session, job_id: uuid.UUID) -> JobDetail:
    """Return a job with its image, detections and report; NotFound without it."""
    found: JobDetail = _one(next(iter(jobs_in_full(session, [job_id])), None), "job", job_id)
    return found


def jobs_in_full(session: Session, job_ids: Collection[uuid.UUID]) -> list[JobDetail]:
    """Return those of these jobs that are there, newest first, each with its image, detections and report."""
    columns = [*_columns(ProcessingJob), *_columns(Image), ProcessingJob.detections, ProcessingJob.report]
    joined = select(*columns).join(Image, Image.id == ProcessingJob.image_id).where(ProcessingJob.id.in_(job_ids))
    newest_first = (ProcessingJob.created_at.desc(), ProcessingJob.id.desc())
    half = len(fields(StoredJob))
    return [
        JobDetail(StoredJob(*row[:half]), StoredImage(*row[half:-2]), *row[-2:])
        for row in session.execute(joined.order_by(*newest_first))
    ]


def delete_images(session: Session, image_ids: Collection[uuid.UUID], deed: Deed | None = None) -> list[str]:
    """Delete images with their jobs, blank their items, register the removal of their objects; return its keys.

    deed: as what it is recorded of each image; None: it is part of another deed that is. Commits. All in one
    transaction: a crash leaves either the rows or the clean-up tasks, never an object without both.
    """
    images, jobs = upserts.table_of(Image), upserts.table_of(ProcessingJob)
    blanked = batch_items.blank(session, image_ids)  # first: workers lock an item before its job
    # A job that is just being added is waited for; none can be added from here on.
    session.execute(select(Image.id).where(Image.id.in_(image_ids)).order_by(Image.id).with_for_update())
    of_jobs = delete(jobs).where(jobs.c.image_id.in_(image_ids)).returning(jobs.c.processed_s3_key)
    processed = [key for key in session.scalars(of_jobs) if key]
    gone = session.execute(
        delete(images).where(images.c.id.in_(image_ids)).returning(images.c.id, images.c.s3_key)
    ).all()
    keys = [*(image.s3_key for image in gone), *processed]
    if deed:
        audits.record(session, deed, *(image.id for image in gone))
    cleanups.register(session, keys)
    batch_items.change_counts(session, blanked)
    session.commit()
    return keys


def _slice(session: Session, rows: RowFilter, start: int, count: int) -> tuple[int, list[Any]]:
    """Return how many rows there are in all, and the columns of some, newest first, from the `start`th on."""
    place = tallies.seek(session, rows, start)
    if place.before is None:
        return place.total, []
    table = rows.table
    newest_first = (table.created_at.desc(), table.id.desc())
    # Skipping reads the index alone; whole rows are fetched only for the page.
    parts = [
        select(table.id, table.created_at)
        .where(*replace(part, before=place.before).conditions())
        .order_by(*newest_first)
        for part in rows.by_status()
    ]
    ids: Any = parts[0]
    if len(parts) > 1:  # each apart, in the order of its index: of two together none has the order
        every = union_all(*[select(part.limit(place.skip + count).subquery()) for part in parts]).subquery()
        ids = select(every).order_by(every.c.created_at.desc(), every.c.id.desc())
    shown = ids.offset(place.skip).limit(count).subquery()
    whole = select(*_columns(table)).join(shown, shown.c.id == table.id).order_by(*newest_first)
    return place.total, list(session.execute(whole))


def _job_summaries(session: Session, image_ids: list[uuid.UUID]) -> dict[uuid.UUID, tuple[Any, ...]]:
    """Return each image's number of jobs, and what OF_RESULT says of its newest result, by one query for all."""
    newest = (ProcessingJob.processed_s3_key.is_(None), ProcessingJob.created_at.desc(), ProcessingJob.id.desc())
    ranked = (
        select(
            ProcessingJob.image_id,
            func.count().over(partition_by=ProcessingJob.image_id).label("jobs"),
            *(getattr(ProcessingJob, name) for name in OF_RESULT),
            func.row_number().over(partition_by=ProcessingJob.image_id, order_by=newest).label("rank"),
        )
        .where(ProcessingJob.image_id.in_(image_ids))
        .subquery()
    )
    columns = [ranked.c[name] for name in ("image_id", "jobs", *OF_RESULT)]
    rows = session.execute(select(*columns).where(ranked.c.rank == 1))
    return {image_id: tuple(said) for image_id, *said in rows}


def _columns(table: type[Image] | type[ProcessingJob]) -> list[InstrumentedAttribute[Any]]:
    stored = StoredImage if table is Image else StoredJob
    return [getattr(table, each.name) for each in fields(stored)]


def _clipped(moment: datetime | None) -> datetime | None:
    """Keep a moment that a caller made up away from the ends of the calendar, where one can't be rounded."""
    return moment and min(max(moment, FIRST_MOMENT), LAST_MOMENT)


def _one(row: Any, name: str, row_id: uuid.UUID) -> Any:
    if row is None:
        raise NotFound(f"there is no {name} {row_id}")
    return row
