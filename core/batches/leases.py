"""The leases under which workers process the items of batches: taken, extended, ended. All SQL of that.

What a lease is stands in core/batches/leased_rows.py. Every public function commits.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select, tuple_, update
from sqlalchemy.orm import Session

from core.batches import items, jobs, key_turns, leased_rows, lifecycle
from core.batches.key_turns import KindOfWork
from core.contract.options import ResolvedDetectOptions
from core.contract.states import BatchStatus, ItemState
from core.database import upserts
from core.database.batch_models import WAITING
from core.database.clock import database_time
from core.database.models import Batch, BatchItem, Image, ProcessingJob
from core.records import cleanups
from core.records.rows import StoredImage

CANDIDATES_AT_ONCE = 20  # chosen: about as many workers take an item at the same moment
GONE = "the picture was deleted before its turn came"


@dataclass(frozen=True)
class ItemLease:
    """An item that a worker processes. key: where its picture is, None when that was deleted.

    source_key: where it is to be copied from; then there are no rows of an image and a job yet, only their ids.
    more: whether other items of the batch are queued.
    """

    item_id: uuid.UUID
    lease: uuid.UUID
    batch_id: uuid.UUID
    name: str
    image_id: uuid.UUID
    job_id: uuid.UUID
    key: str | None
    source_key: str | None
    options: ResolvedDetectOptions
    attempts: int
    more: bool


@dataclass(frozen=True)
class ItemResult:
    """What is stored of a completed item. values: columns of its job; image: its row, when there is none yet."""

    values: dict[str, Any]
    digest: str | None = None
    image: StoredImage | None = None


def take(session: Session, leased_by: str, lease_s: float) -> ItemLease | None:
    """Take the next item of any batch, or None when there is nothing to do.

    Keys take turns, then the batches of one: what was served longest ago is next. Within a batch, items go in order.
    """
    for key_id in session.scalars(key_turns.keys_of_batches()).all():
        for batch in _candidates(session, key_id):
            item = _take_from(session, batch.id, leased_by, lease_s)
            if item is not None:
                lease = _lease(session, batch, item)
                key_turns.count(session, key_id, KindOfWork.BATCHES)
                session.commit()
                return lease
    session.rollback()
    return None


def extend(session: Session, lease: ItemLease, lease_s: float) -> bool:
    """Extend a lease; False when it has been lost."""
    extended = _change_leased(session, lease, {"lease_until": database_time(lease_s)})
    session.commit()
    return extended


def complete(session: Session, lease: ItemLease, result: ItemResult) -> bool:
    """Store the result of an item; False when the lease has been lost, also because the item was deleted."""
    faces = result.values["face_count"]
    values = {"state": ItemState.COMPLETED, "face_count": faces, "result_digest": result.digest}
    keys = [key for key in (result.values.get("processed_s3_key"), result.image and result.image.s3_key) if key]
    if not _change_leased(session, lease, values | {"finished_at": database_time()}):
        session.rollback()
        _clean_up_if_deleted(session, lease, keys)
        return False
    columns = result.values | jobs.values(ItemState.COMPLETED)
    if result.image:
        _insert(session, lease, result.image, columns)
    else:
        jobs.change(session, lease.job_id, columns)
    # An earlier attempt may have left them behind, and maintenance may have registered them as orphans.
    cleanups.done(session, keys)
    lifecycle.change_counts(session, lease.batch_id, running=-1, completed=1, faces=faces)
    return _end(session, lease.batch_id)


def fail(session: Session, lease: ItemLease, code: str, detail: str) -> bool:
    """Store why an item failed for good; False when the lease has been lost."""
    values = {"state": ItemState.FAILED, "error_code": code, "error_detail": detail}
    if not _change_leased(session, lease, values | {"finished_at": database_time()}):
        session.rollback()
        return False
    jobs.change(session, lease.job_id, jobs.values(ItemState.FAILED, detail))
    lifecycle.change_counts(session, lease.batch_id, running=-1, failed=1)
    return _end(session, lease.batch_id)


def requeue_later(session: Session, lease: ItemLease) -> bool:
    """Queue an item again that could not be processed now, with a longer delay each time; no lease counts as lost."""
    delay_s = leased_rows.retry_delay_s(lease.attempts)
    if not _change_leased(session, lease, {"state": ItemState.QUEUED, "available_at": database_time(delay_s)}):
        session.rollback()
        return False
    jobs.change(session, lease.job_id, jobs.values(ItemState.QUEUED))
    lifecycle.change_counts(session, lease.batch_id, running=-1, queued=1)
    return _end(session, lease.batch_id)


def in_turn(key_id: uuid.UUID | None, after: Batch | None = None) -> Select[Batch, bool]:
    """Select some of a key's batches with queued items, the one whose turn is next first; and whether one may be taken.

    after: the last of those that were selected before.
    """
    available = select(BatchItem.id).where(
        BatchItem.batch_id == Batch.id, BatchItem.state == ItemState.QUEUED, BatchItem.available_at <= database_time()
    )
    # In the words of the index alone: with another condition Postgres expects few batches, and sorts them all.
    waiting = select(Batch, available.exists()).where(WAITING, Batch.api_key_id == key_id)
    if after:
        waiting = waiting.where(tuple_(Batch.served_at, Batch.id) > (after.served_at, after.id))
    return waiting.order_by(Batch.api_key_id, Batch.served_at, Batch.id).limit(CANDIDATES_AT_ONCE)


def _candidates(session: Session, key_id: uuid.UUID | None) -> Iterator[Batch]:
    """Yield the batches of a key that have an item to be taken now, the one whose turn is next first."""
    last: Batch | None = None
    while found := session.execute(in_turn(key_id, last).execution_options(populate_existing=True)).all():
        for batch, available in found:
            if available and batch.status in {BatchStatus.OPEN, BatchStatus.RUNNING}:
                yield batch
        last = found[-1][0]


def _take_from(session: Session, batch_id: uuid.UUID, leased_by: str, lease_s: float) -> Any:
    first = (
        select(BatchItem.id)
        .where(BatchItem.batch_id == batch_id, BatchItem.state == ItemState.QUEUED)
        .where(BatchItem.available_at <= database_time())
        .order_by(BatchItem.position)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    return leased_rows.take(session, BatchItem, first, leased_by, lease_s)


def _lease(session: Session, batch: Batch, item: Any) -> ItemLease:
    key = item.image_id and session.scalar(select(Image.s3_key).where(Image.id == item.image_id))
    lease = ItemLease(
        item_id=item.id,
        lease=item.lease,
        batch_id=batch.id,
        name=item.name,
        # The same at every attempt, so that what an earlier one has stored is overwritten.
        image_id=item.image_id or uuid.uuid5(item.id, "image"),
        job_id=item.job_id or uuid.uuid5(item.id, "job"),
        key=key,
        source_key=item.source_key,
        options=items.options_of(batch),
        attempts=item.attempts,
        more=batch.queued > 1,
    )
    jobs.change(session, lease.job_id, jobs.values(ItemState.RUNNING))
    lifecycle.count_taken(session, batch.id)
    return lease


def _insert(session: Session, lease: ItemLease, image: StoredImage, columns: dict[str, Any]) -> None:
    """Insert the rows of an item whose picture was in the bucket before."""
    sender = {"api_key_id": select(Batch.api_key_id).where(Batch.id == lease.batch_id).scalar_subquery()}
    session.execute(upserts.table_of(Image).insert().values(vars(image) | sender))
    ids = {"id": lease.job_id, "image_id": lease.image_id, "batch_id": lease.batch_id, "created_at": image.created_at}
    session.execute(upserts.table_of(ProcessingJob).insert().values(ids | sender | columns))
    with_ids = (
        update(BatchItem).where(BatchItem.id == lease.item_id).values(image_id=lease.image_id, job_id=lease.job_id)
    )
    session.execute(with_ids.execution_options(synchronize_session=False))


def _clean_up_if_deleted(session: Session, lease: ItemLease, keys: list[str]) -> None:
    """Register what was stored of an item that is gone: its deletion didn't know of that."""
    state = session.scalar(select(BatchItem.state).where(BatchItem.id == lease.item_id))
    if state in {None, ItemState.DELETED}:
        cleanups.register(session, keys)
    session.commit()


def _end(session: Session, batch_id: uuid.UUID) -> bool:
    lifecycle.finish_if_done(session, batch_id)
    session.commit()
    return True


def _change_leased(session: Session, lease: ItemLease, values: dict[str, Any]) -> bool:
    return leased_rows.change(session, BatchItem, lease.item_id, lease.lease, values)
