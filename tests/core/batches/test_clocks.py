"""Machines whose clocks differ: only the database's clock judges leases and due times."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, tzinfo

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core.batches import bucket_imports, bulk, leases, lifecycle, reaping
from core.database import clock
from core.database.clock import database_time, read_database_time
from core.database.models import Batch, BatchItem, WebhookDelivery
from core.webhooks import deliveries
from tests.core.batches.made import LEASE_S, begun, result, taken

AHEAD, BEHIND = timedelta(hours=1), timedelta(hours=-1)


@contextmanager
def machine_that_is(off: timedelta) -> Iterator[None]:
    """Let this process's clock be wrong."""

    class WrongClock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "WrongClock":
            return cls.fromtimestamp(datetime.now(UTC).timestamp() + off.total_seconds(), tz)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "datetime", WrongClock)
        yield


def test_database_time_is_what_is_stored(session: Session) -> None:
    before = read_database_time(session)
    batch = begun(session, 1)
    session.execute(update(BatchItem).values(lease_until=database_time(LEASE_S), finished_at=database_time()))
    stored = session.execute(select(BatchItem.lease_until, BatchItem.finished_at)).one()
    assert before <= stored.finished_at <= read_database_time(session)
    assert timedelta(seconds=LEASE_S - 1) < stored.lease_until - stored.finished_at < timedelta(seconds=LEASE_S + 1)
    assert (
        session.scalar(select(BatchItem.batch_id).where(BatchItem.lease_until > database_time(LEASE_S - 30))) == batch
    )


@pytest.mark.parametrize("off", [AHEAD, BEHIND], ids=["ahead", "behind"])
def test_worker_with_a_wrong_clock_keeps_its_lease(session: Session, off: timedelta) -> None:
    begun(session, 1)
    with machine_that_is(off):
        held = taken(session)
        assert leases.extend(session, held, LEASE_S)
    assert reaping.reap_expired_leases(session) == 0
    with machine_that_is(-off):
        assert reaping.reap_expired_leases(session) == 0
    lease_until = session.scalar(select(BatchItem.lease_until))
    assert lease_until is not None
    assert lease_until - read_database_time(session) <= timedelta(seconds=LEASE_S)


@pytest.mark.parametrize("off", [AHEAD, BEHIND], ids=["ahead", "behind"])
def test_items_from_a_machine_with_a_wrong_clock_are_taken(session: Session, off: timedelta) -> None:
    with machine_that_is(off):
        batch = begun(session, 1)
    leases.fail(session, taken(session), "undecodable_image", "cut")
    with machine_that_is(off):
        assert bulk.retry_failed(session, batch) == 1
    assert taken(session).attempts == 1


@pytest.mark.parametrize("off", [AHEAD, BEHIND], ids=["ahead", "behind"])
def test_failure_on_a_machine_with_a_wrong_clock_is_retried(session: Session, off: timedelta) -> None:
    batch = begun(session, 2)
    with machine_that_is(off):
        leases.fail(session, taken(session), "undecodable_image", "cut")
    assert bulk.retry_failed(session, batch) == 1
    (progress,) = lifecycle.progress(session, [lifecycle.get(session, batch)])
    assert progress.rate_per_s is None
    with machine_that_is(off):
        leases.complete(session, taken(session), result())
    (progress,) = lifecycle.progress(session, [lifecycle.get(session, batch)])
    assert progress.rate_per_s


@pytest.mark.parametrize("off", [AHEAD, BEHIND], ids=["ahead", "behind"])
def test_claimed_import_stays_claimed(session: Session, off: timedelta) -> None:
    batch = begun(session, prefix="in/")
    with machine_that_is(off):
        assert bucket_imports.claim_due_imports(session) == [batch]
    assert bucket_imports.claim_due_imports(session) == []
    session.execute(update(Batch).values(import_until=database_time(-1)))
    with machine_that_is(off):
        assert bucket_imports.claim_due_imports(session) == [batch]


@pytest.mark.parametrize("off", [AHEAD, BEHIND], ids=["ahead", "behind"])
def test_claimed_delivery_stays_claimed(session: Session, off: timedelta) -> None:
    batch = begun(session, webhook_url="https://example.com")
    with machine_that_is(off):
        lifecycle.cancel(session, batch)
    assert session.scalar(select(WebhookDelivery.id))
    with machine_that_is(off):
        assert deliveries._claim_next(session) is not None
    assert deliveries._claim_next(session) is None
