"""What becomes of a batch's items when their images are deleted or masked again.

Part of the caller's transaction. Lock order: an item before its job and its job before its batch.
"""

import uuid
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from core.contract.states import ItemState, JobType
from core.database import upserts
from core.database.clock import database_time
from core.database.models import Batch, BatchItem
from core.records.rows import StoredJob

BatchChanges = Mapping[uuid.UUID, Mapping[str, int]]  # by batch: what its counts change by
# All that an item says about a picture, and the lease of the worker that has it.
BLANK: dict[str, Any] = {"name": None, "source_key": None, "digest": None, "size_bytes": 0}
BLANK |= {"result_digest": None, "face_count": None, "error_code": None, "error_detail": None}
BLANK |= {"lease": None, "leased_by": None, "lease_until": None}


def blank(session: Session, image_ids: Collection[uuid.UUID]) -> BatchChanges:
    """Blank the items of images that are being deleted; return what `change_counts` is to do once they are.

    The row stays, so that its batch still adds up: nothing in it says which picture it was.
    """
    changes: defaultdict[uuid.UUID, Counter[str]] = defaultdict(Counter)
    found = _locked(session, image_ids)
    for item in found:
        changes[item.batch_id].update({ItemState.DELETED.value: 1, "faces": -(item.face_count or 0)})
        changes[item.batch_id][item.state] -= 1
    finished_at = func.coalesce(BatchItem.finished_at, database_time())
    blanked = update(BatchItem).where(BatchItem.id.in_([item.id for item in found]))
    values = BLANK | {"state": ItemState.DELETED, "finished_at": finished_at}
    session.execute(blanked.values(values).execution_options(synchronize_session=False))
    return changes


def of_image(session: Session, image_id: uuid.UUID) -> Any:
    """Lock and return the item of an image; None when it came from no batch."""
    return next(iter(_locked(session, [image_id])), None)


def follow(session: Session, item: Any, job: StoredJob, digest: str) -> None:
    """Give an item, as `of_image` has locked it, the result that a person has made of its picture.

    digest: SHA-256 of the masked picture. An item that is still to be worked on stays as it is, and so do detections:
    theirs are the faces that were found. With the service's own result, which an undo brings back, it is not corrected.
    """
    masks = session.scalar(select(Batch.id).where(Batch.id == item.batch_id, Batch.job_type == JobType.MASK))
    if masks is None or item.state in {ItemState.QUEUED, ItemState.RUNNING}:
        return
    values: dict[str, Any] = {"state": ItemState.COMPLETED, "job_id": job.id, "face_count": job.face_count}
    values |= {"result_digest": digest, "error_code": None, "error_detail": None}
    # Finished anew: who asks for what is new since then finds it.
    values |= {"corrected_at": database_time() if job.edited_by else None, "finished_at": database_time()}
    corrected = update(BatchItem).where(BatchItem.id == item.id).values(values)
    session.execute(corrected.execution_options(synchronize_session=False))
    changes = Counter({ItemState.COMPLETED.value: 1, "faces": (job.face_count or 0) - (item.face_count or 0)})
    changes[item.state] -= 1
    change_counts(session, {item.batch_id: changes})


def change_counts(session: Session, changes: BatchChanges) -> None:
    """Change the counts of batches, in one order for all transactions."""
    table = upserts.table_of(Batch)
    for batch_id in sorted(changes):
        values = {name: table.c[name] + change for name, change in changes[batch_id].items()}
        session.execute(update(table).where(table.c.id == batch_id).values(values))


def _locked(session: Session, image_ids: Collection[uuid.UUID]) -> list[Any]:
    """Lock the items of images and return them as they are now."""
    of_images = BatchItem.image_id.in_(image_ids)
    if session.get_bind().dialect.name == "sqlite":  # which knows no other lock than that of a change
        nothing = update(BatchItem).where(of_images).values(attempts=BatchItem.attempts)
        session.execute(nothing.execution_options(synchronize_session=False))
    columns = (BatchItem.id, BatchItem.batch_id, BatchItem.state, BatchItem.face_count)
    return list(session.execute(select(*columns).where(of_images).order_by(BatchItem.id).with_for_update()))
