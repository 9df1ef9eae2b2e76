"""Rows that a worker has for as long as it extends its lease: items of batches, steps of videos.

Each time that a row is taken it gets a new lease, and every later change asks for it: a worker whose lease has expired
and that comes back changes nothing. Each function is part of the caller's transaction.
"""

import uuid
from typing import Any

from sqlalchemy import ScalarSelect, select, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningUpdate

from core.contract.states import ItemState
from core.database.clock import database_time
from core.database.models import BatchItem, VideoStep

Leased = type[BatchItem] | type[VideoStep]

MAX_LOST_LEASES = 3  # chosen: a worker may die by chance twice over one picture, hardly three times
MAX_RETRY_DELAY_S = 30
LEASES_AT_ONCE = 100
QUARANTINED = "quarantined"
# The states of both have the same words.
QUEUED, RUNNING = ItemState.QUEUED.value, ItemState.RUNNING.value


def take(session: Session, rows: Leased, first: ScalarSelect[uuid.UUID], leased_by: str, lease_s: float) -> Any:
    """Take the row of this id, if it is still queued: one statement, which is right also without row locks (SQLite).

    Return it, or None.
    """
    taken = (
        update(rows)
        .where(rows.id == first, rows.state == QUEUED)
        .values(
            state=RUNNING,
            attempts=rows.attempts + 1,
            lease=uuid.uuid4(),
            leased_by=leased_by,
            lease_until=database_time(lease_s),
        )
    )
    return _row(session, taken.returning(rows))


def change(session: Session, rows: Leased, row_id: uuid.UUID, lease: uuid.UUID, values: dict[str, Any]) -> bool:
    """Change a row if it is still under this lease; a new state ends the lease."""
    if "state" in values:
        values = values | {"lease": None, "leased_by": None, "lease_until": None}
    leased = (rows.id == row_id, rows.lease == lease, rows.state == RUNNING)
    changed = update(rows).where(*leased).values(values).returning(rows.id)
    return session.scalar(changed.execution_options(synchronize_session=False)) is not None


def retry_delay_s(attempts: int) -> float:
    """Return after how long a row is taken again that could not be worked on now: longer each time."""
    return min(2.0 ** min(attempts, 10), MAX_RETRY_DELAY_S)


def lost(session: Session, rows: Leased, leased_by: str | None = None) -> list[uuid.UUID]:
    """Return the leases of workers that died: of one task, or some that have expired."""
    over = rows.leased_by == leased_by if leased_by else rows.lease_until < database_time()
    found = session.scalars(select(rows.lease).where(rows.state == RUNNING, over).limit(LEASES_AT_ONCE))
    return [lease for lease in found if lease]


def count_lost(session: Session, rows: Leased, lease: uuid.UUID) -> Any:
    """Count a lease as lost, and return its row; None when it is not under that lease any more."""
    counted = update(rows).where(rows.lease == lease, rows.state == RUNNING)
    return _row(session, counted.values(lost_leases=rows.lost_leases + 1).returning(rows))


def after_loss(lost_leases: int) -> dict[str, Any]:
    """Return what becomes of a row that has lost so many leases: it is queued again, or quarantined.

    Beside the state, with `available_at` or with error_code and error_detail, as a picture's columns are named.
    """
    if lost_leases < MAX_LOST_LEASES:
        # Others have a turn before it is tried again.
        return {"state": ItemState.QUEUED, "available_at": database_time(lost_leases)}
    detail = f"{lost_leases} workers died over it, or fell silent"
    return {"state": ItemState.FAILED, "error_code": QUARANTINED, "error_detail": detail}


def _row(session: Session, changed: ReturningUpdate[Any]) -> Any:
    return session.scalar(changed.execution_options(synchronize_session=False, populate_existing=True))
