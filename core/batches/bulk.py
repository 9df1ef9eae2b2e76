"""Many items of a batch moved from one state to another, some at a time, so that no transaction is long.

A crash in between leaves the rest as it was: the reaper cancels what is left of a cancelled batch, and who asked for
another try asks again. Each function commits.
"""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from core.batches import lifecycle
from core.database.clock import now
from core.database.models import BatchItem, ProcessingJob
from core.errors import BatchClosed

AT_ONCE = 1000


def cancel_queued(session: Session, batch_id: uuid.UUID) -> int:
    """Cancel what is still queued in a cancelled batch; return how many items that were."""
    moved = 0
    while some := _cancel_some(session, batch_id):
        moved += some
    return moved


def retry_failed(session: Session, batch_id: uuid.UUID) -> int:
    """Queue again what has failed until now; return how many items that were. BatchClosed when it was cancelled."""
    _refuse_cancelled(session, batch_id)
    moved, before = 0, now()
    while some := _retry_some(session, batch_id, before):
        moved += some
    return moved


def _cancel_some(session: Session, batch_id: uuid.UUID) -> int:
    moment = now()
    values = {"state": "cancelled", "finished_at": moment}
    count = _move(session, batch_id, [BatchItem.state == "queued"], values)
    if count:
        lifecycle.change_counts(session, batch_id, queued=-count, cancelled=count)
    lifecycle.finish_if_done(session, batch_id)
    session.commit()
    return count


def _retry_some(session: Session, batch_id: uuid.UUID, before: datetime) -> int:
    fresh = {"attempts": 0, "lost_leases": 0, "error_code": None, "error_detail": None, "finished_at": None}
    values = fresh | {"state": "queued", "available_at": now()}
    count = _move(session, batch_id, [BatchItem.state == "failed", BatchItem.finished_at < before], values)
    if count:
        lifecycle.change_counts(session, batch_id, failed=-count, queued=count)
        # The batch is locked now. Cancelled meanwhile it may have ended, and nobody would look for its items.
        _refuse_cancelled(session, batch_id)
        lifecycle.reopen(session, batch_id)
    session.commit()
    return count


def _refuse_cancelled(session: Session, batch_id: uuid.UUID) -> None:
    if lifecycle.get(session, batch_id).status == "cancelled":
        session.rollback()
        raise BatchClosed("this batch was cancelled")


def _move(session: Session, batch_id: uuid.UUID, which: list[ColumnElement[bool]], values: dict[str, Any]) -> int:
    """Change some items and their jobs; one that a worker is just taking is left alone."""
    some = (
        select(BatchItem.id)
        .where(BatchItem.batch_id == batch_id, *which)
        .order_by(BatchItem.position)
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    ids = session.scalars(some).all()
    # SQLite has not locked them: whoever was faster is not overridden.
    changed = update(BatchItem).where(BatchItem.id.in_(ids), *which).values(values).returning(BatchItem.job_id)
    jobs = session.scalars(changed.execution_options(synchronize_session=False)).all()
    session.execute(
        update(ProcessingJob)
        .where(ProcessingJob.id.in_([job for job in jobs if job]))
        .values(job_values(values["state"], None))
        .execution_options(synchronize_session=False)
    )
    return len(jobs)


def job_values(state: str, error: str | None) -> dict[str, Any]:
    """Say in the words of a job that its item is in a state."""
    if state == "cancelled":
        return {"status": "failed", "error": "cancelled", "finished_at": now()}
    finished = state in {"completed", "failed"}
    return {"status": state, "error": error, "finished_at": now() if finished else None}
