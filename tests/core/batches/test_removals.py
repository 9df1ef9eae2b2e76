"""Deletion of batches: refused while they run, gone at once for readers, and nothing of them is left."""

import uuid
from itertools import islice

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from core.batches import bulk, items, leases, lifecycle, reaping, removals
from core.batches.items import NewItem
from core.batches.leases import ItemResult
from core.batches.lifecycle import NewBatch
from core.database.clock import database_time
from core.database.engine import SessionFactory
from core.database.models import Batch, BatchItem, CleanupTask, Image, ProcessingJob, WebhookDelivery
from core.errors import BatchUnfinished, NotFound
from core.webhooks import events
from tests.core import rows
from tests.core.batches.made import OPTIONS, assert_right, begun, result, take, taken


def completed(session: Session, count: int = 1, **values: str) -> uuid.UUID:
    batch = begun(session, count, **values)
    lifecycle.close(session, batch)
    while held := take(session):
        leases.complete(session, held, result(processed_s3_key=f"processed/{held.image_id}/{held.job_id}.jpeg"))
    return batch


def left(session: Session) -> dict[str, int]:
    counted = (Batch, BatchItem, Image, ProcessingJob, WebhookDelivery)
    return {table.__tablename__: session.scalar(select(func.count()).select_from(table)) or 0 for table in counted}


def test_batch_is_deleted_with_all_that_belongs_to_it(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removals, "ITEMS_AT_ONCE", 3)
    batch = completed(session, 7, webhook_url="https://example.com")
    other = completed(session, 2)
    keys = {*session.scalars(select(Image.s3_key)), *session.scalars(select(ProcessingJob.processed_s3_key))}
    removals.remove(session, batch)
    with pytest.raises(NotFound):
        lifecycle.get(session, batch)
    with pytest.raises(NotFound):
        removals.remove(session, batch)
    assert [found.id for found in lifecycle.page(session, 1, 10).items] == [other]
    assert removals.hidden(session) == [batch]
    assert list(removals.empty(session, batch)) == [1]
    assert removals.hidden(session) == []
    ours = {"batches": 1, "batch_items": 2, "images": 2, "processing_jobs": 2, "webhook_deliveries": 0}
    assert left(session) == ours
    kept = {*session.scalars(select(Image.s3_key)), *session.scalars(select(ProcessingJob.processed_s3_key))}
    assert set(session.scalars(select(CleanupTask.s3_key))) == keys - kept
    assert_right(session, other)


def test_batch_that_works_is_not_deleted(session: Session) -> None:
    batch = begun(session, 1)
    with pytest.raises(BatchUnfinished):
        removals.remove(session, batch)
    lifecycle.close(session, batch)
    with pytest.raises(BatchUnfinished):
        removals.remove(session, batch)
    lifecycle.cancel(session, batch)
    removals.remove(session, batch)
    assert set(left(session).values()) == {0}


@pytest.mark.parametrize("prefix", [None, "in/"], ids=["upload", "prefix"])
def test_worker_of_a_deleted_batch_leaves_nothing(session: Session, prefix: str | None) -> None:
    batch = begun(session, 0 if prefix else 1, prefix=prefix, webhook_url="https://example.com")
    if prefix:
        items.add(session, batch, [NewItem("a.jpg", 5, source_key="in/a.jpg")])
        session.commit()
    held = taken(session)
    lifecycle.cancel(session, batch)
    removals.remove(session, batch)
    assert not leases.extend(session, held, 60)
    image = rows.image(id=held.image_id, s3_key="originals/late.jpeg") if prefix else None
    done = result(processed_s3_key="processed/late.jpeg")
    assert not leases.complete(session, held, ItemResult(done.values, done.digest, image))
    assert not leases.fail(session, held, "x", "y")
    assert reaping.reap_expired_leases(session, "a task") == 0
    assert set(left(session).values()) == {0}
    late = {"processed/late.jpeg"} | ({"originals/late.jpeg"} if prefix else set())
    assert late <= set(session.scalars(select(CleanupTask.s3_key)))


def test_deleted_batch_is_not_tried_again(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removals, "ITEMS_AT_ONCE", 1)
    batch = begun(session, 4, webhook_url="https://example.com")
    leases.fail(session, taken(session), "undecodable_image", "cut")
    held = taken(session)
    lifecycle.cancel(session, batch)
    removals.remove(session, batch)
    with pytest.raises(NotFound):
        bulk.retry_failed(session, batch)
    assert lifecycle.partly_cancelled(session) == lifecycle.emptied(session) == []
    leases.fail(session, held, "x", "y")
    assert not lifecycle.finish_if_done(session, batch)
    assert left(session)["webhook_deliveries"] == 0
    assert sum(removals.empty(session, batch)) == 2


def test_key_of_a_deleted_batch_is_free(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removals, "ITEMS_AT_ONCE", 1)
    batch = completed(session, 4, idempotency_key="key")
    removals.remove(session, batch)
    again, is_new = lifecycle.create(session, NewBatch("b", OPTIONS, idempotency_key="key"))
    assert is_new
    assert again.id != batch


def test_old_batches_expire(session: Session) -> None:
    old, young, unfinished = completed(session), completed(session), begun(session, 1)
    session.execute(update(Batch).values(created_at=database_time(-31 * 86400)))
    session.execute(update(Batch).where(Batch.id == old).values(finished_at=database_time(-31 * 86400)))
    session.commit()
    assert removals.begin_expired(session, 30) == 1
    assert removals.begin_expired(session, 30) == 0
    assert removals.hidden(session) == [old]
    assert sum(islice(removals.empty(session, old), 5)) == 1
    assert {found.id for found in lifecycle.page(session, 1, 10).items} == {young, unfinished}


def test_old_deliveries_expire_unless_they_are_sent(session: Session) -> None:
    batch = begun(session)
    for status in ("delivered", "failed", "pending", "delivered"):
        session.add(
            WebhookDelivery(batch_id=batch, event=status, url="https://example.com", payload="{}", status=status)
        )
    session.flush()
    session.execute(update(WebhookDelivery).values(created_at=database_time(-31 * 86400)))
    young = WebhookDelivery(batch_id=batch, event="x", url="https://example.com", payload="{}", status="failed")
    session.add(young)
    session.commit()
    assert events.delete_old(session, 30) == 3
    assert sorted(session.scalars(select(WebhookDelivery.status))) == ["failed", "pending"]


def test_batch_outlasts_an_item_that_is_being_changed(postgres_sessions: SessionFactory) -> None:
    """Else the item would go with its batch, and its picture stay."""
    with postgres_sessions() as session, postgres_sessions() as other:
        batch = completed(session, 3)
        other.execute(select(BatchItem.id).where(BatchItem.position == 2).with_for_update())
        removals.remove(session, batch)
        assert left(session) | {"processing_jobs": 1} == dict.fromkeys(left(session), 1) | {"webhook_deliveries": 0}
        other.rollback()
        assert list(removals.empty(session, batch)) == [1]
        assert set(left(session).values()) == {0}
