"""Batches: how they begin, end, are cancelled and are tried again."""

from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.batches import bulk, items, leases, lifecycle
from core.batches.items import NewItem, Refusal
from core.batches.lifecycle import NewBatch
from core.contract.options import MaskOptions, ResolvedDetectOptions, ResolvedMaskOptions
from core.database.clock import database_time
from core.database.engine import SessionFactory
from core.database.models import Batch, BatchItem
from core.errors import BatchClosed
from tests.core import rows
from tests.core.batches.made import OPTIONS, assert_right, begun, counts, result, take, taken


def test_same_key_is_the_same_batch(session: Session) -> None:
    batch, is_new = lifecycle.create(session, NewBatch("a", OPTIONS, idempotency_key="key"))
    assert is_new
    assert (batch.name, batch.total, batch.status) == ("a", 0, "open")
    again, is_new = lifecycle.create(session, NewBatch("b", OPTIONS, idempotency_key="key"))
    assert (again.id, again.name, is_new) == (batch.id, "a", False)
    assert lifecycle.create(session, NewBatch("a", OPTIONS))[1]
    assert lifecycle.create(session, NewBatch("a", OPTIONS))[1]


def test_other_conflict_is_not_the_same_key(session: Session) -> None:
    lifecycle.create(session, NewBatch("a", OPTIONS, idempotency_key="key"))
    with pytest.raises(IntegrityError):
        lifecycle.create(session, NewBatch(None, OPTIONS, idempotency_key="key"))  # type: ignore[arg-type]  # on purpose


def test_batch_ends_once(session: Session) -> None:
    batch = begun(session, 1)
    held = taken(session)
    lifecycle.close(session, batch)
    assert not lifecycle.finish_if_done(session, batch)
    leases.complete(session, held, result())
    assert lifecycle.get(session, batch).status == "completed"
    assert not lifecycle.finish_if_done(session, batch)


def test_open_batch_does_not_end(session: Session) -> None:
    batch = begun(session, 1)
    leases.complete(session, taken(session), result())
    assert lifecycle.get(session, batch).finished_at is None
    assert lifecycle.close(session, batch).status == "completed"


def test_cancelled_batch_ends_with_its_last_running_item(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "ITEMS_AT_ONCE", 2)
    batch = begun(session, 6)
    held = taken(session)
    lifecycle.cancel(session, batch)
    assert take(session) is None
    assert lifecycle.partly_cancelled(session) == [batch]
    assert bulk.cancel_queued(session, batch) == 5
    assert lifecycle.partly_cancelled(session) == []
    assert lifecycle.get(session, batch).finished_at is None
    leases.complete(session, held, result())
    found = lifecycle.get(session, batch)
    assert (found.status, found.finished_at is not None) == ("cancelled", True)
    assert counts(session, batch) == {"completed": 1, "cancelled": 5}
    assert_right(session, batch)


def test_failed_items_are_tried_again(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "ITEMS_AT_ONCE", 2)
    batch = begun(session, 4)
    lifecycle.close(session, batch)
    for _ in range(3):
        leases.fail(session, taken(session), "undecodable_image", "cut")
    leases.complete(session, taken(session), result())
    assert lifecycle.get(session, batch).status == "completed"
    assert bulk.retry_failed(session, batch) == 3
    found = lifecycle.get(session, batch)
    assert (found.status, found.finished_at) == ("running", None)
    assert counts(session, batch) == {"queued": 3, "completed": 1}
    assert taken(session).attempts == 1
    assert_right(session, batch)


def test_cancelled_batch_is_not_tried_again(session: Session) -> None:
    batch = begun(session)
    lifecycle.cancel(session, batch)
    with pytest.raises(BatchClosed):
        bulk.retry_failed(session, batch)
    with pytest.raises(BatchClosed):
        items.add(session, batch, [NewItem("a.jpg", 1, "0", rows.image())])


def test_batch_that_is_cancelled_meanwhile_is_not_tried_again(
    session: Session, sessions: SessionFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = begun(session, 1)
    leases.fail(session, taken(session), "undecodable_image", "cut")
    real = bulk._retry_some

    def cancelled_first(retrying: Session, *args: Any, **named: Any) -> int:
        retrying.commit()
        with sessions() as other:
            lifecycle.cancel(other, batch)
        return real(retrying, *args, **named)

    monkeypatch.setattr(bulk, "_retry_some", cancelled_first)
    with pytest.raises(BatchClosed):
        bulk.retry_failed(session, batch)
    assert lifecycle.get(session, batch).finished_at is not None
    assert counts(session, batch) == {"failed": 1}
    assert_right(session, batch)


def test_rate_is_of_the_last_minute(session: Session) -> None:
    batch = begun(session, 10)
    for _ in range(4):
        leases.complete(session, taken(session), result())
    finished = update(BatchItem).where(BatchItem.state == "completed")
    session.execute(finished.values(finished_at=database_time(-40)))
    session.execute(finished.where(BatchItem.name == "0.jpg").values(finished_at=database_time(-3600)))
    session.commit()
    refused = [NewItem(f"{number}.gif", 1, refusal=Refusal("no_image", "")) for number in range(50)]
    items.add(session, batch, refused)  # which takes no worker's time
    session.commit()
    (progress,) = lifecycle.progress(session, [lifecycle.get(session, batch)])
    assert progress.rate_per_s == pytest.approx(3 / 40, rel=0.1)
    assert progress.remaining_s == pytest.approx(6 / (3 / 40), rel=0.1)


@pytest.mark.parametrize("stored", [{}, {"detail": None, "verify": None}], ids=["absent", "null"])
def test_options_stored_unresolved_are_read(stored: dict[str, Any]) -> None:
    mask = Batch(job_type="mask", options={"method": "solid"} | stored)
    assert items.options_of(mask) == ResolvedMaskOptions(method="solid", detail="balanced", verify=True)
    detect = Batch(job_type="detect", options={name: value for name, value in stored.items() if name != "verify"})
    assert items.options_of(detect) == ResolvedDetectOptions(detail="balanced")


def test_stored_options_are_read_as_they_are(session: Session) -> None:
    options = ResolvedMaskOptions(detail="fast", verify=False, max_faces=3)
    batch, _ = lifecycle.create(session, NewBatch("test", options))
    assert items.options_of(batch) == options
    assert set(batch.options) == set(MaskOptions.model_fields)
