"""Batches and their items in the database: one outcome for each, whoever dies, and counts that are never wrong."""

import random
import threading
import uuid
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core.batches import bulk, items, leases, lifecycle
from core.batches.items import NewItem
from core.batches.leases import ItemLease, ItemResult
from core.batches.lifecycle import NewBatch
from core.batches.uploads import BatchUploader
from core.contract.options import MaskOptions
from core.database.clock import now
from core.database.engine import SessionFactory
from core.database.models import Batch, BatchItem, Image, ProcessingJob
from core.errors import BatchClosed, NotFound
from core.records import cleanups, outcomes, records
from core.records.results import ResultStore
from core.storage.folder import FolderStore
from tests.contract.pictures import encoded, landscape
from tests.core import rows

LEASE_S = 60.0
OPTIONS = MaskOptions(method="solid")


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
    session.execute(update(BatchItem).values(lease_until=now() - timedelta(seconds=1)))
    session.commit()


def ready(session: Session) -> None:
    """Let everything that was put off be due; the rows are locked in the order in which a deletion locks them."""
    session.scalars(select(BatchItem.id).order_by(BatchItem.id).with_for_update()).all()
    session.execute(update(BatchItem).values(available_at=now()))
    session.commit()


def counts(session: Session, batch_id: uuid.UUID) -> dict[str, int]:
    batch = lifecycle.get(session, batch_id)
    return {state: getattr(batch, state) for state in lifecycle.STATES if getattr(batch, state)}


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
            assert jobs[item.job_id] == {"cancelled": "failed"}.get(item.state, item.state)
        assert (item.lease is not None) == (item.state == "running")
        assert (item.finished_at is not None) == (item.state in {"completed", "failed", "cancelled"})


# --- one outcome ---------------------------------------------------------------------------------


def test_items_are_taken_in_their_order(session: Session) -> None:
    batch = begun(session, 3)
    held = [taken(session) for _ in range(3)]
    assert [one.name for one in held] == ["0.jpg", "1.jpg", "2.jpg"]
    assert [one.more for one in held] == [True, True, False]
    assert {one.attempts for one in held} == {1}
    assert held[0].options == OPTIONS
    assert take(session) is None
    assert counts(session, batch) == {"running": 3}
    assert_right(session, batch)


def test_completed_item_has_its_outcome(session: Session) -> None:
    batch = begun(session, 1)
    lifecycle.close(session, batch)
    held = taken(session)
    assert leases.complete(session, held, result(3, processed_s3_key="processed/x/y.jpeg"))
    assert_right(session, batch)
    (item,) = items.page(session, lifecycle.get(session, batch), 1, 10).items
    assert (item.row.state, item.row.face_count, item.row.result_digest) == ("completed", 3, "digest")
    assert item.processed_s3_key == "processed/x/y.jpeg"
    found = lifecycle.get(session, batch)
    assert (found.status, found.faces, found.finished_at is not None) == ("completed", 3, True)


def test_worker_that_was_given_up_changes_nothing(session: Session) -> None:
    batch = begun(session, 1)
    late = taken(session)
    run_out(session)
    assert leases.reap_expired_leases(session) == 1
    ready(session)
    held = taken(session)
    assert (held.item_id, held.attempts) == (late.item_id, 2)
    assert not leases.extend(session, late, LEASE_S)
    assert not leases.complete(session, late, result())
    assert not leases.fail(session, late, "x", "y")
    assert not leases.requeue_later(session, late)
    assert counts(session, batch) == {"running": 1}
    assert leases.complete(session, held, result())
    assert not leases.complete(session, held, result())
    assert counts(session, batch) == {"completed": 1}
    assert_right(session, batch)


def test_third_death_is_quarantine(session: Session) -> None:
    batch = begun(session, 2)
    lifecycle.close(session, batch)
    for death in (1, 2, 3):
        assert taken(session).name == "0.jpg"
        assert leases.reap_expired_leases(session, "a task") == 1
        assert_right(session, batch)
        if death < 3:
            assert taken(session).name == "1.jpg", "others have a turn first"
            session.execute(update(BatchItem).where(BatchItem.name == "1.jpg").values(leased_by="another"))
            session.commit()
            run_out(session)
            leases.reap_expired_leases(session)
            session.execute(update(BatchItem).where(BatchItem.name == "1.jpg").values(lost_leases=0))
            session.commit()
            ready(session)
    poisoned = items.page(session, lifecycle.get(session, batch), 1, 10).items[0].row
    assert (poisoned.state, poisoned.error_code, poisoned.lost_leases) == ("failed", "quarantined", 3)
    assert poisoned.error_detail and "3 workers died" in poisoned.error_detail
    assert leases.complete(session, taken(session), result())
    assert lifecycle.get(session, batch).status == "completed"


def test_outage_is_no_death(session: Session) -> None:
    batch = begun(session, 1)
    for _ in range(5):
        assert leases.requeue_later(session, taken(session))
        assert take(session) is None, "not at once"
        ready(session)
    held = taken(session)
    assert held.attempts == 6
    assert leases.complete(session, held, result())
    assert_right(session, batch)


def test_prolonged_lease_is_not_buried(session: Session) -> None:
    begun(session, 1)
    held = taken(session)
    run_out(session)
    assert leases.extend(session, held, LEASE_S)
    assert leases.reap_expired_leases(session) == 0


def test_deleted_image_has_no_outcome(session: Session) -> None:
    batch = begun(session, 2)
    held = taken(session)
    records.delete_images(session, [held.image_id])
    with pytest.raises(NotFound):
        leases.complete(session, held, result(processed_s3_key="processed/late.jpeg"))
    assert "processed/late.jpeg" in {due.s3_key for due in cleanups.due(session)}
    session.commit()
    assert leases.fail(session, held, "not_found", "gone")
    assert counts(session, batch) == {"queued": 1, "failed": 1}
    second = select(BatchItem.image_id).where(BatchItem.name == "1.jpg")
    records.delete_images(session, session.scalars(second).all())
    assert taken(session).key is None


def test_item_of_a_prefix_gets_its_rows_at_the_end(session: Session) -> None:
    batch = begun(session, prefix="in/")
    items.add(session, batch, [NewItem("a.jpg", 5, source_key="in/a.jpg")])
    session.commit()
    first = taken(session)
    leases.requeue_later(session, first)
    ready(session)
    held = taken(session)
    assert (held.key, held.source_key) == (None, "in/a.jpg")
    assert (held.image_id, held.job_id) == (first.image_id, first.job_id)
    image = rows.image(id=held.image_id, s3_key=f"originals/{held.image_id}/a.jpg")
    done = result()
    assert leases.complete(session, held, ItemResult(done.values, done.digest, image))
    (item,) = items.page(session, lifecycle.get(session, batch), 1, 10).items
    assert (item.row.image_id, item.row.job_id) == (held.image_id, held.job_id)
    assert_right(session, batch)


# --- batches -------------------------------------------------------------------------------------


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
    monkeypatch.setattr(bulk, "AT_ONCE", 2)
    batch = begun(session, 6)
    held = taken(session)
    lifecycle.cancel(session, batch)
    assert take(session) is None
    assert lifecycle.cancelled_in_part(session) == [batch]
    assert bulk.cancel_queued(session, batch) == 5
    assert lifecycle.cancelled_in_part(session) == []
    assert lifecycle.get(session, batch).finished_at is None
    leases.complete(session, held, result())
    found = lifecycle.get(session, batch)
    assert (found.status, found.finished_at is not None) == ("cancelled", True)
    assert counts(session, batch) == {"completed": 1, "cancelled": 5}
    assert_right(session, batch)


def test_failed_items_are_tried_again(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "AT_ONCE", 2)
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

    def cancelled_first(retrying: Session, *args: Any) -> int:
        retrying.commit()
        with sessions() as other:
            lifecycle.cancel(other, batch)
        return real(retrying, *args)

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
    session.execute(finished.values(finished_at=now() - timedelta(seconds=20)))
    session.execute(finished.where(BatchItem.name == "0.jpg").values(finished_at=now() - timedelta(hours=1)))
    session.commit()
    (progress,) = lifecycle.progress(session, [lifecycle.get(session, batch)])
    assert progress.rate_per_s == pytest.approx(3 / 20, rel=0.1)
    assert progress.remaining_s == pytest.approx(6 / (3 / 20), rel=0.1)


def test_small_batch_does_not_wait_for_a_large_one(session: Session) -> None:
    begun(session, 200)
    small = begun(session, 1)
    held = [taken(session) for _ in range(100)]  # by chance it waits for all of them once in 2 ** 100 runs
    assert any(one.batch_id == small for one in held)


# --- many at a time ------------------------------------------------------------------------------


def test_two_workers_never_take_the_same(sessions: SessionFactory) -> None:
    with sessions() as session:
        batch = begun(session, 60)
    names: list[str] = []

    def work() -> None:
        with sessions() as session:
            while held := take(session):
                names.append(held.name)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(names) == len(set(names)) == 60
    with sessions() as session:
        assert_right(session, batch)


def test_counts_are_right_after_a_storm(sessions: SessionFactory) -> None:
    """Workers that finish, fail, die and come back, deletions, cancellation and another try, all at a time."""
    with sessions() as session:
        batch = begun(session, 80)
        lifecycle.close(session, batch)
    broken: list[BaseException] = []

    def work(seed: int) -> None:
        mine, late = random.Random(seed), list[ItemLease]()
        try:
            for _ in range(80):
                # An image that was deleted meanwhile is no fault.
                with sessions() as session, suppress(NotFound):
                    act(mine, session, batch, late)
        except BaseException as error:
            broken.append(error)
            raise

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert broken == []
    with sessions() as session:
        assert_right(session, batch)
        run_out(session)
        while leases.reap_expired_leases(session):
            ready(session)
        ready(session)
        while held := take(session):
            leases.fail(session, held, "x", "y")
        assert_right(session, batch)
        assert lifecycle.get(session, batch).status == "completed"


def act(chance: random.Random, session: Session, batch: uuid.UUID, late: list[ItemLease]) -> None:
    """Do one thing that a worker, the reaper or an administrator does."""
    kind = chance.choice(["take"] * 6 + ["late", "bury", "delete", "retry"])
    if kind == "delete":
        some = session.scalars(select(Image.id).order_by(Image.id).limit(40)).all()
        if some and chance.random() < 0.3:
            records.delete_images(session, chance.sample(list(some), min(2, len(some))))
        return
    if kind == "retry":
        bulk.retry_failed(session, batch)
        return
    if kind == "bury":
        held = take(session)
        if held:
            session.execute(
                update(BatchItem).where(BatchItem.lease == held.lease).values(lease_until=now() - timedelta(seconds=1))
            )
            session.commit()
            late.append(held)
        leases.reap_expired_leases(session)
        return
    held = late.pop() if kind == "late" and late else take(session)
    if held is None:
        ready(session)
        return
    ending = chance.choice(["complete", "complete", "fail", "put off"])
    if ending == "complete":
        leases.complete(session, held, result(chance.randrange(3)))
    elif ending == "fail":
        leases.fail(session, held, "x", "y")
    else:
        leases.requeue_later(session, held)


def test_last_two_items_end_their_batch_once(
    postgres_sessions: SessionFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[bool] = []
    real = lifecycle.finish_if_done

    def noting(session: Session, batch_id: uuid.UUID) -> bool:
        ended.append(real(session, batch_id))
        return ended[-1]

    monkeypatch.setattr(lifecycle, "finish_if_done", noting)
    for _ in range(10):
        with postgres_sessions() as session:
            batch = begun(session, 2)
            lifecycle.close(session, batch)
            held = [taken(session), taken(session)]
        together = threading.Barrier(2)

        def work(one: ItemLease, together: threading.Barrier = together) -> None:
            together.wait()
            with postgres_sessions() as session:
                leases.complete(session, one, result())

        ended.clear()
        threads = [threading.Thread(target=work, args=(one,)) for one in held]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(ended) == [False, True]
        with postgres_sessions() as session:
            assert lifecycle.get(session, batch).status == "completed"


def test_same_upload_twice_at_a_time_is_one_item(sessions: SessionFactory) -> None:
    with sessions() as session:
        batch = begun(session)
    new = [NewItem(f"{number}.jpg", 1, f"{number:064}") for number in range(20)]
    together = threading.Barrier(4)
    before: list[int] = []

    def send() -> None:
        mine = [NewItem(item.name, 1, item.digest, rows.image()) for item in new]
        together.wait()
        with sessions() as session:
            before.append(len(items.add(session, batch, mine)))
            session.commit()

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(before) == [0, 20, 20, 20]
    with sessions() as session:
        assert session.query(Batch).one().total == 20
        assert_right(session, batch)


@dataclass
class Sent:
    """A file of an upload; meanwhile: what happens elsewhere while it is read."""

    name: str
    meanwhile: Callable[[], object] = lambda: None

    def read(self) -> bytes:
        self.meanwhile()
        return encoded(landscape(64, 48), "JPEG")


def test_upload_that_becomes_no_item_leaves_the_store(sessions: SessionFactory, tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "objects", 60)
    results = ResultStore(store, sessions, 2)
    uploader = BatchUploader(results, 10**8, 100)
    with sessions() as session:
        batch = begun(session)

    def close() -> None:
        with sessions() as other:
            lifecycle.close(other, batch)

    uploader.take(batch, [Sent("a.jpg", lambda: uploader.take(batch, [Sent("a.jpg")]))])
    with pytest.raises(BatchClosed):
        uploader.take(batch, [Sent("b.jpg", close)])
    results.close()
    with sessions() as session:
        named = set(session.scalars(select(Image.s3_key)))
        assert cleanups.due(session) == []
    assert len(named) == 1
    assert {found.key for found in store.list()} == named
