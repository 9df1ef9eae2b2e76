"""Taking back a mask by hand: the result from before it is stored anew, as the newest one."""

import hashlib
import uuid
from dataclasses import replace
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.database.clock import now
from core.errors import NotFound, NothingToUndo
from core.records import records, reviews
from core.records.results import ResultStore
from core.records.reviews import ManualResult
from core.records.rows import JobDetail


def undo(results: ResultStore, job_id: uuid.UUID, by: str) -> uuid.UUID:
    """Undo a mask by hand; return the new job, whose result is that from before, byte for byte.

    The job that is undone stays, with who made it. NotFound without it; NothingToUndo when it isn't the newest result
    of its image, is none of a person's, or replaced none; StorageUnavailable, SQLAlchemyError.
    """
    with results.sessions() as session:
        undone = records.get_job(session, job_id)
        before = _before(session, undone)
    job = before.job
    data = results.objects.get(job.processed_s3_key or "")
    new_id, moment = uuid.uuid4(), now()
    with results.begin() as pending:
        key = pending.add_processed(job.image_id, new_id, job.output_format or "", data)
        restored = replace(job, id=new_id, processed_s3_key=key, created_at=moment, finished_at=moment)
        restored = replace(restored, batch_id=undone.job.batch_id, review_state=_review_state(before, undone))
        taken_back = {"restored_from": str(job.id), "undone": str(job_id), "undone_by": by}
        taken_back["undone_at"] = moment.isoformat()
        made = ManualResult(restored, before.detections, _report(before) | taken_back, hashlib.sha256(data).hexdigest())
        try:
            pending.commit(lambda session: reviews.insert_restored(session, job_id, made))
        except IntegrityError:
            with results.sessions() as session:
                records.get_image(session, job.image_id)  # NotFound: it has been deleted meanwhile
            raise
    return new_id


def can_undo(detail: JobDetail) -> bool:
    """Return whether a job is a mask by hand that replaced a result."""
    return _replaced(detail) is not None


def _before(session: Session, undone: JobDetail) -> JobDetail:
    """Return the job whose result a mask by hand has replaced."""
    replaced = _replaced(undone)
    if not replaced:
        raise NothingToUndo
    try:
        before = records.get_job(session, uuid.UUID(replaced))
    except NotFound:
        raise NothingToUndo("the result from before is gone") from None
    if not before.job.processed_s3_key:
        raise NothingToUndo("there was no masked picture before")
    return before


def _replaced(detail: JobDetail) -> str | None:
    """Return the id of the job whose result a mask by hand has replaced; where that isn't noted, of the one edited."""
    report = detail.report if isinstance(detail.report, dict) else {}
    return report["replaced"] if "replaced" in report else report.get("edited_from")


def _report(before: JobDetail) -> dict[str, Any]:
    return {name: value for name, value in (before.report or {}).items() if name != "review"}


def _review_state(before: JobDetail, undone: JobDetail) -> str | None:
    """Let a picture wait for a person again, if the mask by hand that is undone was all that was said about it."""
    verdict = (before.report or {}).get("review") or {}
    if verdict.get("job_id") != str(undone.job.id):
        return before.job.review_state
    return verdict.get("state_before")
