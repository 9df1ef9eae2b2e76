"""Batches are deleted here: hidden at once, then emptied some items at a time, whatever is killed meanwhile.

Rows go first, pictures and jobs with them; their objects become clean-up tasks in the same transactions.
"""

import uuid
from collections.abc import Iterator
from itertools import islice

from sqlalchemy import Update, delete, select, update
from sqlalchemy.orm import Session

from core.batches import lifecycle
from core.contract.deeds import Deed
from core.contract.states import BatchStatus
from core.database import audits
from core.database.clock import database_time
from core.database.models import Batch, BatchItem
from core.errors import BatchUnfinished
from core.records import records

ITEMS_AT_ONCE = 500  # chosen: a short transaction
DAY_S = 86400
ENDED = (BatchStatus.COMPLETED, BatchStatus.CANCELLED)


def remove(session: Session, batch_id: uuid.UUID) -> None:
    """Delete a batch that has ended, or was cancelled; NotFound, BatchUnfinished. Commits.

    A small one is gone then; of a large one maintenance deletes the rest. A worker that still has an item of a
    cancelled batch loses its lease with the row.
    """
    ended = update(Batch).where(Batch.id == batch_id, Batch.deleted_at.is_(None), Batch.status.in_(ENDED))
    if not _hide(session, ended, Deed.BATCH_DELETED):
        status = lifecycle.get(session, batch_id).status
        raise BatchUnfinished(f"this batch is {status}: cancel it first")
    for _ in islice(empty(session, batch_id), 2):
        pass


def begin_expired(session: Session, days: int) -> int:
    """Hide the batches that finished so many days ago; return how many. Commits."""
    expired = update(Batch).where(Batch.finished_at < database_time(-days * DAY_S), Batch.deleted_at.is_(None))
    return _hide(session, expired, Deed.BATCH_EXPIRED)


def hidden(session: Session) -> list[uuid.UUID]:
    """Return the batches whose deletion has begun."""
    return list(session.scalars(select(Batch.id).where(Batch.deleted_at.is_not(None))))


def empty(session: Session, batch_id: uuid.UUID) -> Iterator[int]:
    """Delete the items of a hidden batch with their pictures, and at last the batch; yield after each transaction how
    many items it took."""
    some = select(BatchItem.id).where(BatchItem.batch_id == batch_id).order_by(BatchItem.id).limit(ITEMS_AT_ONCE)
    # One that a worker or another of these is just changing is left for the next time.
    while ids := session.scalars(some.with_for_update(skip_locked=True)).all():
        # What a worker has just stored of a picture of the bucket is an image by now.
        gone = delete(BatchItem).where(BatchItem.id.in_(ids)).returning(BatchItem.image_id)
        image_ids = session.scalars(gone.execution_options(synchronize_session=False)).all()
        records.delete_images(session, [image_id for image_id in image_ids if image_id])
        yield len(ids)
    # Never before its last item: the items would go with it, and their pictures stay.
    items = select(BatchItem.id).where(BatchItem.batch_id == batch_id)
    session.execute(delete(Batch).where(Batch.id == batch_id, ~items.exists()))
    session.commit()


def _hide(session: Session, batches: Update, deed: Deed) -> int:
    """Hide some batches, and record it of each. Their idempotency keys are free for others."""
    hiding = batches.values(deleted_at=database_time(), idempotency_key=None).returning(Batch.id)
    found = session.scalars(hiding.execution_options(synchronize_session=False)).all()
    audits.record(session, deed, *found)
    session.commit()
    return len(found)
