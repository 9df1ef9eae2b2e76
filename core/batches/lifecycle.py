"""The life of a batch: created, listed, closed, cancelled, reopened, finished. All SQL about batches as a whole.

Lock order: an item before its job and its job before its batch, here and wherever two of them change together, so that
no two transactions deadlock. Only uploads begin with the batch, and they lock no item that others know.
"""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from core.contract.deeds import Deed
from core.contract.options import ResolvedDetectOptions, ResolvedMaskOptions
from core.contract.states import BatchStatus, ItemState, JobType
from core.database import audits, pages, upserts
from core.database.clock import database_time
from core.database.models import Batch, BatchItem
from core.database.pages import Page
from core.errors import BatchClosed, NotFound
from core.records import reviews
from core.webhooks import events

RATE_WINDOW_S = 60  # chosen: the rate of the last minute says best how long the rest takes


@dataclass(frozen=True)
class NewBatch:
    """What a batch is created with. options: every default resolved; idempotency_key: no two batches have the same;
    api_key_id: of the key that creates it."""

    name: str
    options: ResolvedDetectOptions
    webhook_url: str | None = None
    prefix: str | None = None
    idempotency_key: str | None = None
    api_key_id: uuid.UUID | None = None

    @property
    def job_type(self) -> JobType:
        return JobType.MASK if isinstance(self.options, ResolvedMaskOptions) else JobType.DETECT


@dataclass(frozen=True)
class Progress:
    """A batch and its speed. rate_per_s: items finished a second recently; remaining_s: how long the rest takes so.

    Both None when no item was finished recently, or nothing is left to be done. to_review: jobs that wait for a person.
    """

    batch: Batch
    rate_per_s: float | None = None
    remaining_s: float | None = None
    to_review: int = 0


def create(session: Session, new: NewBatch) -> tuple[Batch, bool]:
    """Create a batch, or find the one with the same idempotency key; return whether it is new, too. Commits."""
    values = vars(new) | {"job_type": new.job_type, "options": new.options.model_dump(mode="json")}
    values |= {"id": uuid.uuid4(), "status": BatchStatus.OPEN}
    # Only the same key is no error: any other conflict with the table still is.
    inserted = upserts.insert(session, Batch).values(values).on_conflict_do_nothing(index_elements=["idempotency_key"])
    while True:  # a batch that was deleted after it was in the way has left its key
        if is_new := session.scalar(inserted.returning(upserts.table_of(Batch).c.id)) is not None:
            audits.record(session, Deed.BATCH_CREATED, values["id"], job_type=new.job_type, imports=bool(new.prefix))
        session.commit()
        same = Batch.id == values["id"] if is_new else Batch.idempotency_key == new.idempotency_key
        if batch := session.scalar(select(Batch).where(same)):
            return batch, is_new


def is_like(batch: Batch, new: NewBatch) -> bool:
    """Whether a batch was created with exactly this."""
    wanted = (new.name, new.job_type, new.options.model_dump(mode="json"), new.webhook_url, new.prefix)
    return (batch.name, batch.job_type, batch.options, batch.webhook_url, batch.prefix) == wanted


def get(session: Session, batch_id: uuid.UUID) -> Batch:
    """Return a batch as it is now; NotFound without it, and once its deletion has begun."""
    batch = find(session, batch_id)
    if batch is None:
        raise NotFound(f"there is no batch {batch_id}")
    return batch


def find(session: Session, batch_id: uuid.UUID) -> Batch | None:
    """Return a batch as it is now; None without it, and once its deletion has begun."""
    batch = session.get(Batch, batch_id, populate_existing=True)
    return None if batch is None or batch.deleted_at else batch


@dataclass(frozen=True)
class BatchFilter:
    """Which batches are listed: those with this status that one of these keys has created. name: a part of theirs."""

    status: str | None = None
    api_key_ids: Collection[uuid.UUID] | None = None
    name: str | None = None


EVERY_BATCH = BatchFilter()


def page(session: Session, page: int, per_page: int, wanted: BatchFilter = EVERY_BATCH) -> Page[Batch]:
    """Return one page of the wanted batches, newest first."""
    batches = select(Batch).where(Batch.deleted_at.is_(None))
    batches = batches.where(Batch.status == wanted.status) if wanted.status else batches
    batches = batches.where(Batch.name.icontains(wanted.name, autoescape=True)) if wanted.name else batches
    batches = batches if wanted.api_key_ids is None else batches.where(Batch.api_key_id.in_(wanted.api_key_ids))
    return pages.fetch(session, batches.order_by(Batch.created_at.desc(), Batch.id.desc()), page, per_page)


def progress(session: Session, batches: Collection[Batch]) -> list[Progress]:
    """Return how fast batches progress and what is to be reviewed, by one query each for all."""
    to_review = reviews.waiting(session, [batch.id for batch in batches])
    unfinished = [batch.id for batch in batches if batch.finished_at is None]
    recent = (
        select(BatchItem.batch_id, func.count(), func.min(BatchItem.finished_at), database_time())
        .where(BatchItem.batch_id.in_(unfinished), BatchItem.finished_at > database_time(-RATE_WINDOW_S))
        .where(BatchItem.state.in_((ItemState.COMPLETED, ItemState.FAILED)))  # what is refused took no time
        .group_by(BatchItem.batch_id)
    )
    rates = {}
    for batch_id, count, first, moment in session.execute(recent) if unfinished else ():
        rates[batch_id] = count / max(1.0, (moment - (first or moment)).total_seconds())
    return [_progress(batch, rates.get(batch.id), to_review.get(batch.id, 0)) for batch in batches]


def _progress(batch: Batch, rate: float | None, to_review: int) -> Progress:
    if not rate:
        return Progress(batch, to_review=to_review)
    return Progress(batch, rate, (batch.queued + batch.running) / rate, to_review)


def close(session: Session, batch_id: uuid.UUID) -> Batch:
    """Take no more uploads. Idempotent; a batch of a prefix closes by itself. Commits."""
    closed = update(Batch).where(Batch.id == batch_id, Batch.status == BatchStatus.OPEN, Batch.prefix.is_(None))
    changed = closed.values(status=BatchStatus.RUNNING, closed_at=database_time()).returning(Batch.id)
    if session.scalar(changed.execution_options(synchronize_session=False)):
        audits.record(session, Deed.BATCH_CLOSED, batch_id)
    finish_if_done(session, batch_id)
    session.commit()
    return get(session, batch_id)


def cancel(session: Session, batch_id: uuid.UUID) -> Batch:
    """Stop workers from taking items of a batch; `bulk.cancel_queued` cancels the items themselves. Commits."""
    unfinished = update(Batch).where(Batch.id == batch_id, Batch.status.in_((BatchStatus.OPEN, BatchStatus.RUNNING)))
    closed_at = func.coalesce(Batch.closed_at, database_time())
    cancelled = unfinished.values(status=BatchStatus.CANCELLED, closed_at=closed_at).returning(Batch.id)
    if session.scalar(cancelled.execution_options(synchronize_session=False)):
        audits.record(session, Deed.BATCH_CANCELLED, batch_id)
    finish_if_done(session, batch_id)
    session.commit()
    return get(session, batch_id)


def finish_if_done(session: Session, batch_id: uuid.UUID) -> bool:
    """Finish a closed batch of which nothing is left to be done; True only for the transaction that does it.

    Part of the caller's transaction. A batch that is retried finishes again.
    """
    done = (
        update(Batch)
        .where(Batch.id == batch_id, Batch.finished_at.is_(None), Batch.queued == 0, Batch.running == 0)
        .where(Batch.status.in_((BatchStatus.RUNNING, BatchStatus.CANCELLED)), Batch.deleted_at.is_(None))
        .where(Batch.prefix.is_(None) | Batch.imported_at.is_not(None) | (Batch.status == BatchStatus.CANCELLED))
        .values(finished_at=database_time())
        .returning(Batch.status)
    )
    status = session.scalar(done.execution_options(synchronize_session=False))
    if status is None:
        return False
    if status == BatchStatus.RUNNING:
        completed = update(Batch).where(Batch.id == batch_id).values(status=BatchStatus.COMPLETED)
        session.execute(completed.execution_options(synchronize_session=False))
    events.enqueue_batch_event(session, batch_id)
    return True


def change_counts(session: Session, batch_id: uuid.UUID, **changes: int) -> None:
    """Add to the counts of a batch; part of the transaction that changes its items, and after them."""
    table = upserts.table_of(Batch)
    values = {name: table.c[name] + change for name, change in changes.items()}
    session.execute(update(table).where(table.c.id == batch_id).values(values))


def count_taken(session: Session, batch_id: uuid.UUID) -> None:
    """Count an item that a worker takes, which was the batch's turn; part of the transaction that takes it."""
    counts = {"queued": Batch.queued - 1, "running": Batch.running + 1}
    taken = update(Batch).where(Batch.id == batch_id).values(counts | {"served_at": database_time()})
    session.execute(taken.execution_options(synchronize_session=False))


def reopen(session: Session, batch_id: uuid.UUID) -> None:
    """Set a completed batch running again; part of the transaction that queues items of it."""
    values: dict[str, Any] = {"finished_at": None, "status": BatchStatus.RUNNING}
    completed = update(Batch).where(Batch.id == batch_id, Batch.status == BatchStatus.COMPLETED)
    session.execute(completed.values(values).execution_options(synchronize_session=False))


def require_open(session: Session, batch_id: uuid.UUID) -> Batch:
    """Lock a batch that takes uploads until the transaction ends; NotFound, BatchClosed."""
    # An update that changes nothing: SQLite knows no other lock.
    locked = update(Batch).where(Batch.id == batch_id).values(total=Batch.total)
    session.execute(locked.execution_options(synchronize_session=False))
    batch = get(session, batch_id)
    if batch.status != BatchStatus.OPEN:
        raise BatchClosed(f"this batch is {batch.status} and takes no more pictures")
    return batch


def waiting(session: Session) -> int:
    """Return how many items of all batches are queued."""
    total = session.scalar(select(func.sum(Batch.queued)).where(Batch.finished_at.is_(None)))
    return int(total or 0)


@dataclass(frozen=True)
class UnfinishedBatches:
    """The batches of one status that have not finished, and their items that wait or are worked on."""

    status: str
    batches: int
    queued: int
    running: int


def unfinished(session: Session) -> list[UnfinishedBatches]:
    """Return how many batches have not finished, by status."""
    counts = select(Batch.status, func.count(), func.sum(Batch.queued), func.sum(Batch.running))
    rows = session.execute(counts.where(Batch.finished_at.is_(None), Batch.deleted_at.is_(None)).group_by(Batch.status))
    return [UnfinishedBatches(status, *map(int, numbers)) for status, *numbers in rows]


def emptied(session: Session) -> list[uuid.UUID]:
    """Return the batches that could have finished with the deletion of their last unfinished items."""
    closed = select(Batch.id).where(
        Batch.finished_at.is_(None), Batch.deleted_at.is_(None), Batch.queued == 0, Batch.running == 0, Batch.total > 0
    )
    return list(session.scalars(closed.where(Batch.status.in_((BatchStatus.RUNNING, BatchStatus.CANCELLED)))))


def partly_cancelled(session: Session) -> list[uuid.UUID]:
    """Return the cancelled batches that still have queued items."""
    cancelled = select(Batch.id).where(Batch.status == BatchStatus.CANCELLED, Batch.deleted_at.is_(None))
    return list(session.scalars(cancelled.where(Batch.finished_at.is_(None), Batch.queued > 0)))
