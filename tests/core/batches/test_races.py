"""Many workers, uploads and administrators at a time."""

import random
import threading
import uuid

import pytest
from sqlalchemy import event, select, update
from sqlalchemy.orm import ORMExecuteState, Session

from core.batches import bulk, items, leases, lifecycle, reaping, removals
from core.batches.items import NewItem
from core.batches.leases import ItemLease
from core.batches.lifecycle import NewBatch
from core.database.clock import database_time
from core.database.engine import SessionFactory
from core.database.models import Batch, BatchItem, Image
from core.records import records
from tests.core import rows
from tests.core.batches.made import OPTIONS, assert_right, begun, ready, result, run_out, take, taken


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
                with sessions() as session:
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
        while reaping.reap_expired_leases(session):
            ready(session)
        ready(session)
        while held := take(session):
            leases.fail(session, held, "x", "y")
        for emptied in lifecycle.emptied(session):  # as maintenance does: the last item may have been deleted
            lifecycle.finish_if_done(session, emptied)
            session.commit()
        assert_right(session, batch)
        assert lifecycle.get(session, batch).status == "completed"


def act(chance: random.Random, session: Session, batch: uuid.UUID, late: list[ItemLease]) -> None:
    """Do one thing that a worker, the reaper or an administrator does."""
    kind = chance.choice(["take"] * 6 + ["late", "reap", "delete", "retry"])
    if kind == "delete":
        some = session.scalars(select(Image.id).order_by(Image.id).limit(40)).all()
        if some and chance.random() < 0.3:
            records.delete_images(session, chance.sample(list(some), min(2, len(some))))
        return
    if kind == "retry":
        bulk.retry_failed(session, batch)
        return
    if kind == "reap":
        held = take(session)
        if held:
            session.execute(
                update(BatchItem).where(BatchItem.lease == held.lease).values(lease_until=database_time(-1))
            )
            session.commit()
            late.append(held)
        reaping.reap_expired_leases(session)
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


def test_key_is_free_whose_batch_is_deleted_at_that_moment(sessions: SessionFactory) -> None:
    """It was in the way of a new one, and is gone before it is looked up."""
    with sessions() as session:
        before = begun(session, idempotency_key="key")
        lifecycle.cancel(session, before)

    in_the_way = [before]

    def delete(statement: ORMExecuteState) -> None:
        while statement.is_select and in_the_way:
            with sessions() as other:
                removals.remove(other, in_the_way.pop())

    with sessions() as session:
        event.listen(session, "do_orm_execute", delete)
        batch, is_new = lifecycle.create(session, NewBatch("b", OPTIONS, idempotency_key="key"))
    assert is_new and (batch.name, batch.id != before) == ("b", True)
