"""Expired leases: their items are queued again, and quarantined after too many. Every function commits."""

import uuid

from sqlalchemy.orm import Session

from core.batches import jobs, leased_rows, lifecycle
from core.contract.states import ItemState
from core.database.clock import database_time
from core.database.models import BatchItem
from core.observability import metrics


def reap_expired_leases(session: Session, leased_by: str | None = None) -> int:
    """End the leases of workers that died: of one task, or all that have expired; return how many.

    At most leased_rows.LEASES_AT_ONCE of them.
    """
    found = leased_rows.lost(session, BatchItem, leased_by)
    session.rollback()
    for lease in found:
        _reap(session, lease)
    return len(found)


def _reap(session: Session, lease: uuid.UUID) -> None:
    """Queue or quarantine the item of a lease, if it is still under that lease."""
    item = leased_rows.count_lost(session, BatchItem, lease)
    if item is None:
        session.commit()
        return
    values = leased_rows.after_loss(item.lost_leases)
    state = values["state"]
    finished = {"finished_at": database_time()} if state == ItemState.FAILED else {}
    leased_rows.change(session, BatchItem, item.id, lease, values | finished)
    if item.job_id:
        jobs.change(session, item.job_id, jobs.values(state, values.get("error_detail")))
    lifecycle.change_counts(session, item.batch_id, running=-1, **{state.value: 1})
    lifecycle.finish_if_done(session, item.batch_id)
    session.commit()
    metrics.count(metrics.LEASE_EXPIRIES, state.value)
