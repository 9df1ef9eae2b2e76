"""Batches: begun, shown, closed, cancelled, tried again, finished. All SQL about them; one function is one question.

An item is locked before its job and its job before its batch, here and wherever two of them change together: so no two
transactions wait for each other in a ring. Only uploads begin with the batch, and they lock no item that others know.
"""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.contract.options import ResolvedDetectOptions, ResolvedMaskOptions
from core.database import pages, upserts
from core.database.clock import now
from core.database.models import Batch, BatchItem
from core.database.pages import Page
from core.errors import BatchClosed, NotFound
from core.webhooks import events

RECENT = timedelta(minutes=1)  # chosen: the rate of the last minute says best how long the rest takes
STATES = ("queued", "running", "completed", "failed", "cancelled")
STATUSES = ("open", "running", "completed", "cancelled")


@dataclass(frozen=True)
class NewBatch:
    """What a batch is begun with. options: with every default resolved; idempotency_key: the same makes no second."""

    name: str
    options: ResolvedDetectOptions
    webhook_url: str | None = None
    prefix: str | None = None
    idempotency_key: str | None = None

    @property
    def job_type(self) -> str:
        return "mask" if isinstance(self.options, ResolvedMaskOptions) else "detect"


@dataclass(frozen=True)
class Progress:
    """rate_per_s: items finished a second of late; remaining_s: how long the rest takes at that rate.

    Both None when none was finished of late, or nothing is left to be done.
    """

    batch: Batch
    rate_per_s: float | None = None
    remaining_s: float | None = None


def create(session: Session, new: NewBatch) -> tuple[Batch, bool]:
    """Begin a batch, or find the one that was begun with the same key; say whether it is new. Commits."""
    made = Batch(status="open", job_type=new.job_type, options=new.options.model_dump(mode="json"))
    for name in ("name", "webhook_url", "prefix", "idempotency_key"):
        setattr(made, name, getattr(new, name))
    try:
        session.add(made)
        session.commit()
    except IntegrityError:
        session.rollback()
        same = select(Batch).where(Batch.idempotency_key == new.idempotency_key)
        return session.scalars(same).one(), False
    return made, True


def is_like(batch: Batch, new: NewBatch) -> bool:
    """Whether a batch was begun with just this."""
    asked = (new.name, new.job_type, new.options.model_dump(mode="json"), new.webhook_url, new.prefix)
    return (batch.name, batch.job_type, batch.options, batch.webhook_url, batch.prefix) == asked


def get(session: Session, batch_id: uuid.UUID) -> Batch:
    """Return a batch as it is now; NotFound without it."""
    found = session.get(Batch, batch_id, populate_existing=True)
    if found is None:
        raise NotFound(f"there is no batch {batch_id}")
    return found


def page(session: Session, page: int, per_page: int, status: str | None = None) -> Page[Batch]:
    """Return one page of the batches, newest first."""
    batches = select(Batch).where(Batch.status == status) if status else select(Batch)
    return pages.fetch(session, batches.order_by(Batch.created_at.desc(), Batch.id.desc()), page, per_page)


def progress(session: Session, found: Collection[Batch]) -> list[Progress]:
    """Tell how fast batches go, by one query for all."""
    moment = now()
    unfinished = [batch.id for batch in found if batch.finished_at is None]
    of_late = (
        select(BatchItem.batch_id, func.count(), func.min(BatchItem.finished_at))
        .where(BatchItem.batch_id.in_(unfinished), BatchItem.finished_at > moment - RECENT)
        .group_by(BatchItem.batch_id)
    )
    rates = {}
    for batch_id, count, first in session.execute(of_late) if unfinished else ():
        rates[batch_id] = count / max(1.0, (moment - (first or moment)).total_seconds())
    return [_progress(batch, rates.get(batch.id)) for batch in found]


def _progress(batch: Batch, rate: float | None) -> Progress:
    if not rate:
        return Progress(batch)
    return Progress(batch, rate, (batch.queued + batch.running) / rate)


def close(session: Session, batch_id: uuid.UUID) -> Batch:
    """Take no more uploads; closing twice is closing once, and a batch of a prefix closes by itself. Commits."""
    closed = update(Batch).where(Batch.id == batch_id, Batch.status == "open", Batch.prefix.is_(None))
    session.execute(closed.values(status="running", closed_at=now()))
    finish_if_done(session, batch_id)
    session.commit()
    return get(session, batch_id)


def cancel(session: Session, batch_id: uuid.UUID) -> Batch:
    """Let nothing more be taken from a batch; its items become `cancelled` by `batch_moves.cancel_queued`. Commits."""
    moment = now()
    unfinished = update(Batch).where(Batch.id == batch_id, Batch.status.in_(("open", "running")))
    closed_at = func.coalesce(Batch.closed_at, moment)
    session.execute(unfinished.values(status="cancelled", closed_at=closed_at))
    finish_if_done(session, batch_id)
    session.commit()
    return get(session, batch_id)


def finish_if_done(session: Session, batch_id: uuid.UUID) -> bool:
    """End a closed batch of which nothing is left to be done; True only for the transaction that does it.

    Part of the caller's transaction. A batch that is tried again ends again.
    """
    done = (
        update(Batch)
        .where(Batch.id == batch_id, Batch.finished_at.is_(None), Batch.queued == 0, Batch.running == 0)
        .where(Batch.status.in_(("running", "cancelled")))
        .where(Batch.prefix.is_(None) | Batch.imported_at.is_not(None) | (Batch.status == "cancelled"))
        .values(finished_at=now())
        .returning(Batch.status)
    )
    status = session.scalar(done.execution_options(synchronize_session=False))
    if status is None:
        return False
    if status == "running":
        completed = update(Batch).where(Batch.id == batch_id).values(status="completed")
        session.execute(completed.execution_options(synchronize_session=False))
    events.enqueue_batch_event(session, batch_id)
    return True


def change_counts(session: Session, batch_id: uuid.UUID, **changes: int) -> None:
    """Add to the counts of a batch; part of the transaction that changes its items, and after that."""
    table = upserts.table_of(Batch)
    values = {name: table.c[name] + change for name, change in changes.items()}
    session.execute(update(table).where(table.c.id == batch_id).values(values))


def reopen(session: Session, batch_id: uuid.UUID) -> None:
    """Have a finished batch run again; part of the transaction that gives it something to do."""
    values: dict[str, Any] = {"finished_at": None, "status": "running"}
    finished = update(Batch).where(Batch.id == batch_id, Batch.status == "completed")
    session.execute(finished.values(values).execution_options(synchronize_session=False))


def require_open(session: Session, batch_id: uuid.UUID) -> Batch:
    """Lock a batch that takes uploads until the transaction ends; NotFound, BatchClosed."""
    # An update that changes nothing: SQLite knows no other lock.
    locked = update(Batch).where(Batch.id == batch_id).values(total=Batch.total)
    session.execute(locked.execution_options(synchronize_session=False))
    found = get(session, batch_id)
    if found.status != "open":
        raise BatchClosed(f"this batch is {found.status} and takes no more pictures")
    return found


def waiting(session: Session) -> int:
    """Return how many items of all batches are queued."""
    total = session.scalar(select(func.sum(Batch.queued)).where(Batch.finished_at.is_(None)))
    return int(total or 0)


def cancelled_in_part(session: Session) -> list[uuid.UUID]:
    """Return the batches that were cancelled and of which something is still queued."""
    half = select(Batch.id).where(Batch.finished_at.is_(None), Batch.status == "cancelled", Batch.queued > 0)
    return list(session.scalars(half))
