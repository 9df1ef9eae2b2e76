"""What workers do with the items of batches: take one, hold it, hand it back in some state. All SQL of that.

Who takes an item gets a lease, a new value each time, and everything that is done to the item later asks for it: a
worker that was given up and comes back changes nothing. A lease that runs out is the death of a worker; after three the
item is put in quarantine. Every function commits.
"""

import random
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core.batches import items, lifecycle
from core.batches.bulk import job_values
from core.contract.options import ResolvedDetectOptions
from core.database import upserts
from core.database.clock import now
from core.database.models import Batch, BatchItem, Image, ProcessingJob
from core.errors import NotFound
from core.records import cleanups
from core.records.rows import StoredImage

MAX_LOST_LEASES = 3  # chosen: a worker may die by chance twice over one picture, hardly three times
QUARANTINED = "quarantined"
AT_ONCE = 100
LOOKED_AT = 100  # batches that have something to do
LONGEST_PAUSE = timedelta(seconds=30)
GONE = "the picture was deleted before its turn came"


@dataclass(frozen=True)
class ItemLease:
    """An item that a worker holds. key: where its picture is, None when that was deleted.

    source_key: where it is to be copied from; then there are no rows of an image and a job yet, only their ids.
    more: whether other items of the batch wait.
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
    """What is written down of a finished item. values: columns of its job; image: its row, when there is none yet."""

    values: dict[str, Any]
    digest: str | None = None
    image: StoredImage | None = None


def take(session: Session, leased_by: str, lease_s: float) -> ItemLease | None:
    """Take the next item of any batch, or None when there is nothing to do.

    Batches take turns by chance, so that a small one doesn't wait for a large one; within one, the first comes first.
    """
    unfinished = select(Batch).where(Batch.finished_at.is_(None), Batch.queued > 0)
    found = list(session.scalars(unfinished.where(Batch.status.in_(("open", "running"))).limit(LOOKED_AT)))
    random.shuffle(found)
    for batch in found:
        item = _take_from(session, batch.id, leased_by, lease_s)
        if item is not None:
            lease = _lease(session, batch, item)
            session.commit()
            return lease
    session.rollback()
    return None


def extend(session: Session, held: ItemLease, lease_s: float) -> bool:
    """Hold an item for longer; False when somebody else has it by now."""
    kept = _change(session, held, {"lease_until": now() + timedelta(seconds=lease_s)})
    session.commit()
    return kept


def complete(session: Session, held: ItemLease, result: ItemResult) -> bool:
    """Write down what came of an item; False when it is no longer this worker's. NotFound when its image is gone."""
    faces = result.values["face_count"]
    values = {"state": "completed", "face_count": faces, "result_digest": result.digest, "finished_at": now()}
    if not _change(session, held, values):
        session.rollback()
        return False
    columns = result.values | job_values("completed", None)
    keys = [key for key in (result.values.get("processed_s3_key"), result.image and result.image.s3_key) if key]
    if result.image:
        _insert(session, held, result.image, columns)
    elif not _change_job(session, held.job_id, columns):
        session.rollback()
        # The deletion knew nothing of what was stored since.
        cleanups.register(session, keys)
        session.commit()
        raise NotFound(GONE)
    # An earlier attempt may have left them behind, and maintenance may have found them to be nobody's.
    cleanups.done(session, keys)
    lifecycle.change_counts(session, held.batch_id, running=-1, completed=1, faces=faces)
    return _end(session, held.batch_id)


def fail(session: Session, held: ItemLease, code: str, detail: str) -> bool:
    """Write down why an item failed for good; False when it is no longer this worker's."""
    values = {"state": "failed", "error_code": code, "error_detail": detail, "finished_at": now()}
    if not _change(session, held, values):
        session.rollback()
        return False
    _change_job(session, held.job_id, job_values("failed", detail))
    lifecycle.change_counts(session, held.batch_id, running=-1, failed=1)
    return _end(session, held.batch_id)


def requeue_later(session: Session, held: ItemLease) -> bool:
    """Hand an item back that could not be worked on now; the next try is later each time. It is no death."""
    pause = min(timedelta(seconds=2 ** min(held.attempts, 10)), LONGEST_PAUSE)
    if not _change(session, held, {"state": "queued", "available_at": now() + pause}):
        session.rollback()
        return False
    _change_job(session, held.job_id, job_values("queued", None))
    lifecycle.change_counts(session, held.batch_id, running=-1, queued=1)
    return _end(session, held.batch_id)


def reap_expired_leases(session: Session, leased_by: str | None = None) -> int:
    """Note the death of workers: of one task, or of all whose leases have run out; return how many items that were."""
    dead = BatchItem.leased_by == leased_by if leased_by else BatchItem.lease_until < now()
    some = select(BatchItem.lease).where(BatchItem.state == "running", dead).limit(AT_ONCE)
    leases = [lease for lease in session.scalars(some) if lease]
    session.rollback()
    for lease in leases:
        _reap_one(session, lease)
    return len(leases)


def _take_from(session: Session, batch_id: uuid.UUID, leased_by: str, lease_s: float) -> Any:
    """Take the next item in one statement, which is right also where there are no row locks (SQLite)."""
    moment = now()
    first = (
        select(BatchItem.id)
        .where(BatchItem.batch_id == batch_id, BatchItem.state == "queued", BatchItem.available_at <= moment)
        .order_by(BatchItem.position)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    taken = (
        update(BatchItem)
        .where(BatchItem.id == first, BatchItem.state == "queued")
        .values(
            state="running",
            attempts=BatchItem.attempts + 1,
            lease=uuid.uuid4(),
            leased_by=leased_by,
            lease_until=moment + timedelta(seconds=lease_s),
        )
        .returning(
            BatchItem.id,
            BatchItem.lease,
            BatchItem.name,
            BatchItem.image_id,
            BatchItem.job_id,
            BatchItem.source_key,
            BatchItem.attempts,
        )
    )
    return session.execute(taken.execution_options(synchronize_session=False)).first()


def _lease(session: Session, batch: Batch, item: Any) -> ItemLease:
    key = item.image_id and session.scalar(select(Image.s3_key).where(Image.id == item.image_id))
    held = ItemLease(
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
    _change_job(session, held.job_id, job_values("running", None))
    lifecycle.change_counts(session, batch.id, queued=-1, running=1)
    return held


def _insert(session: Session, held: ItemLease, image: StoredImage, columns: dict[str, Any]) -> None:
    """Make the rows of an item whose picture was in the store before."""
    session.execute(upserts.table_of(Image).insert().values(vars(image)))
    ids = {"id": held.job_id, "image_id": held.image_id, "batch_id": held.batch_id, "created_at": image.created_at}
    session.execute(upserts.table_of(ProcessingJob).insert().values(ids | columns))
    named = update(BatchItem).where(BatchItem.id == held.item_id).values(image_id=held.image_id, job_id=held.job_id)
    session.execute(named.execution_options(synchronize_session=False))


def _reap_one(session: Session, lease: uuid.UUID) -> None:
    """Count a death, if the item is still held by who has died."""
    died = update(BatchItem).where(BatchItem.lease == lease, BatchItem.state == "running")
    died = died.values(lost_leases=BatchItem.lost_leases + 1).returning(BatchItem)
    item = session.scalar(died.execution_options(synchronize_session=False, populate_existing=True))
    if item is not None:
        state, detail = "queued", f"{item.lost_leases} workers died over this picture, or fell silent"
        moment = now()
        # Others have a turn before it is tried again.
        values: dict[str, Any] = {"available_at": moment + timedelta(seconds=item.lost_leases)}
        if item.lost_leases >= MAX_LOST_LEASES:
            state, values = "failed", {"error_code": QUARANTINED, "error_detail": detail, "finished_at": moment}
        _change_held(session, item.id, lease, {"state": state} | values)
        if item.job_id:
            _change_job(session, item.job_id, job_values(state, detail if state == "failed" else None))
        lifecycle.change_counts(session, item.batch_id, running=-1, **{state: 1})
        lifecycle.finish_if_done(session, item.batch_id)
    session.commit()


def _end(session: Session, batch_id: uuid.UUID) -> bool:
    lifecycle.finish_if_done(session, batch_id)
    session.commit()
    return True


def _change(session: Session, held: ItemLease, values: dict[str, Any]) -> bool:
    """Change an item if this worker still holds it."""
    return _change_held(session, held.item_id, held.lease, values)


def _change_held(session: Session, item_id: uuid.UUID, lease: uuid.UUID, values: dict[str, Any]) -> bool:
    if "state" in values:  # nobody holds it any more
        values = values | {"lease": None, "leased_by": None, "lease_until": None}
    ours = update(BatchItem).where(BatchItem.id == item_id, BatchItem.lease == lease, BatchItem.state == "running")
    changed = ours.values(values).returning(BatchItem.id)
    return session.scalar(changed.execution_options(synchronize_session=False)) is not None


def _change_job(session: Session, job_id: uuid.UUID, columns: dict[str, Any]) -> bool:
    """Change a job; False when it was deleted with its image."""
    jobs = upserts.table_of(ProcessingJob)
    changed = update(jobs).where(jobs.c.id == job_id).values(columns).returning(jobs.c.id)
    return session.scalar(changed) is not None
