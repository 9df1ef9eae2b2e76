"""Expired leases: their items are queued again, and quarantined after too many. Every function commits."""

import uuid
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core.batches import jobs, leases, lifecycle
from core.contract.states import ItemState
from core.database.clock import database_time
from core.database.models import BatchItem

MAX_LOST_LEASES = 3  # chosen: a worker may die by chance twice over one picture, hardly three times
QUARANTINED = "quarantined"
LEASES_AT_ONCE = 100


def reap_expired_leases(session: Session, leased_by: str | None = None) -> int:
    """End the leases of workers that died: of one task, or all that have expired; return how many.

    At most LEASES_AT_ONCE of them.
    """
    lost = BatchItem.leased_by == leased_by if leased_by else BatchItem.lease_until < database_time()
    expired = select(BatchItem.lease).where(BatchItem.state == ItemState.RUNNING, lost).limit(LEASES_AT_ONCE)
    found = [lease for lease in session.scalars(expired) if lease]
    session.rollback()
    for lease in found:
        _reap(session, lease)
    return len(found)


def _reap(session: Session, lease: uuid.UUID) -> None:
    """Queue or quarantine the item of a lease, if it is still under that lease."""
    lost = update(BatchItem).where(BatchItem.lease == lease, BatchItem.state == ItemState.RUNNING)
    lost = lost.values(lost_leases=BatchItem.lost_leases + 1).returning(BatchItem)
    item = session.scalar(lost.execution_options(synchronize_session=False, populate_existing=True))
    if item is not None:
        state, error = ItemState.QUEUED, None
        # Other items have a turn before it is tried again.
        values: dict[str, Any] = {"available_at": database_time(item.lost_leases)}
        if item.lost_leases >= MAX_LOST_LEASES:
            state, error = ItemState.FAILED, f"{item.lost_leases} workers died over this picture, or fell silent"
            values = {"error_code": QUARANTINED, "error_detail": error, "finished_at": database_time()}
        leases.change_item(session, item.id, lease, {"state": state} | values)
        if item.job_id:
            jobs.change(session, item.job_id, jobs.values(state, error))
        lifecycle.change_counts(session, item.batch_id, running=-1, **{state.value: 1})
        lifecycle.finish_if_done(session, item.batch_id)
    session.commit()
