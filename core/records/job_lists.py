"""The list of jobs, in any order that it can be sorted in."""

from collections.abc import Collection
from enum import StrEnum
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.database import pages, tallies
from core.database.models import BatchItem, Image, ProcessingJob
from core.database.pages import Page
from core.records import records
from core.records.records import JobFilter
from core.records.rows import StoredJob


class JobOrder(StrEnum):
    """Which jobs come first. By a measure, only the jobs that have it are listed."""

    NEWEST = "newest"
    OLDEST = "oldest"
    MOST_FACES = "most_faces"
    FEWEST_FACES = "fewest_faces"
    LONGEST_INFERENCE = "longest_inference"
    SHORTEST_INFERENCE = "shortest_inference"
    LONGEST_TOTAL = "longest_total"
    SHORTEST_TOTAL = "shortest_total"


# By order: the measure, and whether the largest comes first.
MEASURES = {
    JobOrder.MOST_FACES: (ProcessingJob.face_count, True),
    JobOrder.FEWEST_FACES: (ProcessingJob.face_count, False),
    JobOrder.LONGEST_INFERENCE: (ProcessingJob.inference_ms, True),
    JobOrder.SHORTEST_INFERENCE: (ProcessingJob.inference_ms, False),
    JobOrder.LONGEST_TOTAL: (ProcessingJob.total_ms, True),
    JobOrder.SHORTEST_TOTAL: (ProcessingJob.total_ms, False),
}


def page(session: Session, page: int, per_page: int, wanted: JobFilter, order: JobOrder) -> Page[StoredJob]:
    """Return one page of the wanted jobs, in an order."""
    if wanted.api_key_ids is not None:
        return _page_of_keys(session, page, per_page, wanted, order)
    if order == JobOrder.NEWEST:
        return records.page_jobs(session, page, per_page, wanted)
    if order == JobOrder.OLDEST:
        return records.page_jobs_from_oldest(session, page, per_page, wanted)
    measure, descending = MEASURES[order]
    conditions = [measure.is_not(None), *wanted.rows().conditions()]
    without = [measure.is_(None), *wanted.rows().conditions()]
    missing = session.scalar(select(func.count()).select_from(ProcessingJob).where(*without)) or 0
    total = tallies.seek(session, wanted.rows(), 0).total - missing
    start = pages.offset(page, per_page, total)
    count = min(per_page, total - start)
    # Counted from the end of the list that is nearer.
    from_end = start > total // 2
    columns = (measure, ProcessingJob.id)
    ordered = [column.desc() if descending != from_end else column.asc() for column in columns]
    ids = select(ProcessingJob.id).where(*conditions).order_by(*ordered)
    shown = list(session.scalars(ids.offset(total - start - count if from_end else start).limit(count)))
    jobs = records.jobs_of(session, shown)
    return Page([jobs[one] for one in (reversed(shown) if from_end else shown) if one in jobs], total, page, per_page)


def _page_of_keys(session: Session, page: int, per_page: int, wanted: JobFilter, order: JobOrder) -> Page[StoredJob]:
    """Return one page of the jobs of some keys, which are counted one by one: tallies know no keys."""
    measure, descending = MEASURES.get(order, (ProcessingJob.created_at, order == JobOrder.NEWEST))
    of_keys = ProcessingJob.api_key_id.in_(wanted.api_key_ids or ())
    conditions = [of_keys, measure.is_not(None), *wanted.rows().conditions()]
    total = session.scalar(select(func.count()).select_from(ProcessingJob).where(*conditions)) or 0
    ordered = [column.desc() if descending else column.asc() for column in (measure, ProcessingJob.id)]
    ids = select(ProcessingJob.id).where(*conditions).order_by(*ordered)
    shown = list(session.scalars(ids.offset(pages.offset(page, per_page, total)).limit(per_page)))
    jobs = records.jobs_of(session, shown)
    return Page([jobs[one] for one in shown if one in jobs], total, page, per_page)


def filenames(session: Session, jobs: Collection[StoredJob]) -> dict[UUID, str]:
    """Return the names of the jobs' images, by image."""
    named = select(Image.id, Image.filename).where(Image.id.in_({job.image_id for job in jobs}))
    return {row.id: row.filename for row in session.execute(named)}


def error_codes(session: Session, jobs: Collection[StoredJob]) -> dict[UUID, str]:
    """Return the codes of the errors of failed jobs, by job: the items of batches know them."""
    failed = [job.id for job in jobs if job.error]
    known = select(BatchItem.job_id, BatchItem.error_code).where(BatchItem.job_id.in_(failed))
    return {row.job_id: row.error_code for row in session.execute(known) if row.error_code} if failed else {}
