"""Batches in the database, their items taken and ended, and the proof that the counts agree."""

import uuid
from collections import Counter
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core.batches import items, leases, lifecycle
from core.batches.items import NewItem
from core.batches.leases import ItemLease, ItemResult
from core.batches.lifecycle import NewBatch
from core.contract.options import ResolvedMaskOptions
from core.contract.states import ItemState
from core.database.clock import database_time
from core.database.models import BatchItem, ProcessingJob
from core.records import outcomes
from tests.core import rows

LEASE_S = 60.0
OPTIONS = ResolvedMaskOptions(method="solid")


def begun(session: Session, count: int = 0, **values: Any) -> uuid.UUID:
    """Begin a batch with so many items."""
    batch, _ = lifecycle.create(session, NewBatch(values.pop("name", "test"), OPTIONS, **values))
    if count:
        new = [NewItem(f"{number}.jpg", 1000, f"{number:064}", rows.image()) for number in range(count)]
        items.add(session, batch.id, new)
        session.commit()
    return batch.id


def take(session: Session) -> ItemLease | None:
    return leases.take(session, "a task", LEASE_S)


def taken(session: Session) -> ItemLease:
    held = take(session)
    assert held is not None
    return held


def result(faces: int = 2, **values: Any) -> ItemResult:
    columns = outcomes.requested_columns(OPTIONS) | {"face_count": faces, "inference_ms": 1.5, "total_ms": 2.5}
    return ItemResult(columns | values, "digest")


def run_out(session: Session) -> None:
    """Let every lease be over."""
    session.execute(update(BatchItem).values(lease_until=database_time(-1)))
    session.commit()


def ready(session: Session) -> None:
    """Let everything that was put off be due; the rows are locked in the order in which a deletion locks them."""
    session.scalars(select(BatchItem.id).order_by(BatchItem.id).with_for_update()).all()
    session.execute(update(BatchItem).values(available_at=database_time()))
    session.commit()


def counts(session: Session, batch_id: uuid.UUID) -> dict[str, int]:
    batch = lifecycle.get(session, batch_id)
    return {state: getattr(batch, state) for state in ItemState if getattr(batch, state)}


def assert_right(session: Session, batch_id: uuid.UUID) -> None:
    """The counts are those of the rows, and each job says what its item says."""
    found = session.scalars(
        select(BatchItem).where(BatchItem.batch_id == batch_id).execution_options(populate_existing=True)
    ).all()
    assert counts(session, batch_id) == Counter(item.state for item in found)
    batch = lifecycle.get(session, batch_id)
    assert batch.total == len(found)
    assert batch.faces == sum(item.face_count or 0 for item in found)
    assert sorted(item.position for item in found) == list(range(1, len(found) + 1))
    jobs = {job.id: job.status for job in session.execute(select(ProcessingJob.id, ProcessingJob.status))}
    for item in found:
        if item.job_id:
            assert jobs[item.job_id] == item.state
        assert (item.lease is not None) == (item.state == "running")
        assert (item.finished_at is not None) == (item.state not in {"queued", "running"})
