"""Changes of many items' states, some items at a time, so that no transaction is long.

A crash in between leaves the rest as it was: maintenance cancels what is left of a cancelled batch, and a caller whose
retry was cut off asks for it again. Each public function commits.
"""

import uuid
from typing import Any

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from core.batches import jobs, lifecycle
from core.contract.deeds import Deed
from core.contract.states import BatchStatus, ItemState
from core.database import audits
from core.database.clock import database_time, read_database_time
from core.database.models import BatchItem, ProcessingJob
from core.errors import BatchClosed, NotFound

ITEMS_AT_ONCE = 1000


def cancel_queued(session: Session, batch_id: uuid.UUID) -> int:
    """Cancel the items of a cancelled batch that are still queued; return how many."""
    cancelled = 0
    while count := _cancel_some(session, batch_id):
        cancelled += count
    return cancelled


def retry_failed(session: Session, batch_id: uuid.UUID) -> int:
    """Queue the items that have failed until now again; return how many. BatchClosed when the batch is cancelled."""
    _refuse_cancelled(session, batch_id)
    queued, before = 0, read_database_time(session)
    while count := _retry_some(session, batch_id, BatchItem.finished_at <= before, records=not queued):
        queued += count
    return queued


def retry_item(session: Session, batch_id: uuid.UUID, item_id: uuid.UUID) -> int:
    """Queue one item again if it has failed; return how many that were.

    NotFound; BatchClosed when the batch is cancelled.
    """
    _refuse_cancelled(session, batch_id)
    if session.scalar(select(BatchItem.id).where(BatchItem.id == item_id, BatchItem.batch_id == batch_id)) is None:
        raise NotFound(f"there is no item {item_id} of this batch")
    return _retry_some(session, batch_id, BatchItem.id == item_id, records=True, item_id=str(item_id))


def _cancel_some(session: Session, batch_id: uuid.UUID) -> int:
    values = {"state": ItemState.CANCELLED, "finished_at": database_time()}
    count = _change_some(session, batch_id, [BatchItem.state == ItemState.QUEUED], values)
    if count:
        lifecycle.change_counts(session, batch_id, queued=-count, cancelled=count)
    lifecycle.finish_if_done(session, batch_id)
    session.commit()
    return count


def _retry_some(
    session: Session, batch_id: uuid.UUID, which: ColumnElement[bool], *, records: bool = False, **detail: str
) -> int:
    """Queue some failed items again; records: whether this is where the deed is recorded."""
    fresh = {"attempts": 0, "lost_leases": 0, "error_code": None, "error_detail": None, "finished_at": None}
    values = fresh | {"state": ItemState.QUEUED, "available_at": database_time()}
    failed = [BatchItem.state == ItemState.FAILED, which]
    count = _change_some(session, batch_id, failed, values)
    if count:
        lifecycle.change_counts(session, batch_id, failed=-count, queued=count)
        # The batch is locked now. If it was cancelled meanwhile it may have ended, and no worker would take its items.
        _refuse_cancelled(session, batch_id)
        lifecycle.reopen(session, batch_id)
        if records:
            audits.record(session, Deed.BATCH_RETRIED, batch_id, **detail)
    session.commit()
    return count


def _refuse_cancelled(session: Session, batch_id: uuid.UUID) -> None:
    if lifecycle.get(session, batch_id).status == BatchStatus.CANCELLED:
        session.rollback()
        raise BatchClosed("this batch was cancelled")


def _change_some(
    session: Session, batch_id: uuid.UUID, which: list[ColumnElement[bool]], values: dict[str, Any]
) -> int:
    """Change some items and their jobs; return how many. One that a worker is just taking is left alone."""
    selected = (
        select(BatchItem.id)
        .where(BatchItem.batch_id == batch_id, *which)
        .order_by(BatchItem.position)
        .limit(ITEMS_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    ids = session.scalars(selected).all()
    # SQLite has not locked them: an item that was changed since is left alone.
    changed = update(BatchItem).where(BatchItem.id.in_(ids), *which).values(values).returning(BatchItem.job_id)
    job_ids = session.scalars(changed.execution_options(synchronize_session=False)).all()
    session.execute(
        update(ProcessingJob)
        .where(ProcessingJob.id.in_([job_id for job_id in job_ids if job_id]))
        .values(jobs.values(values["state"]))
        .execution_options(synchronize_session=False)
    )
    return len(job_ids)
