"""Which batch is next: keys take turns, and then the batches of each, however many there are."""

import uuid
from collections import Counter

import pytest
from sqlalchemy import text, update
from sqlalchemy.orm import Session

from core.batches import key_turns, leases, lifecycle
from core.database.clock import database_time
from core.database.engine import SessionFactory
from core.database.models import BatchItem
from tests.core.batches.made import assert_right, begun, ready, result, take, taken


def test_small_batch_does_not_wait_for_a_large_one(session: Session) -> None:
    large, small = begun(session, 50), begun(session, 1)
    held = [taken(session).batch_id for _ in range(3)]
    assert small in held[:2]
    assert held.count(large) == 2


def test_every_one_of_many_batches_has_its_turn(session: Session) -> None:
    batches = [begun(session, 2) for _ in range(130)]
    assert {taken(session).batch_id for _ in batches} == set(batches)
    late = begun(session, 2)
    assert {taken(session).batch_id for _ in range(131)} == {*batches, late}
    assert taken(session).batch_id == late
    assert take(session) is None
    assert_right(session, late)


def test_batches_that_have_to_wait_hide_no_other(session: Session) -> None:
    for _ in range(leases.CANDIDATES_AT_ONCE + 5):
        begun(session, 1)
    session.execute(update(BatchItem).values(available_at=database_time(3600)))
    session.commit()
    last = begun(session, 1)
    assert taken(session).batch_id == last
    assert take(session) is None
    ready(session)
    assert take(session) is not None


def test_idle_batch_saves_up_no_turns(session: Session) -> None:
    idle, busy = begun(session, 3), begun(session, 6)
    session.execute(update(BatchItem).where(BatchItem.batch_id == idle).values(available_at=database_time(3600)))
    session.commit()
    for _ in range(3):
        leases.complete(session, taken(session), result())
    ready(session)
    held = Counter(taken(session).batch_id for _ in range(4))
    assert held == {idle: 2, busy: 2}


def test_key_with_many_batches_has_no_more_turns_than_others(session: Session) -> None:
    keys = uuid.uuid4(), None, uuid.uuid4()
    owners: dict[uuid.UUID, uuid.UUID | None] = {begun(session, 1, api_key_id=keys[0]): keys[0] for _ in range(20)}
    owners |= {begun(session, 9, api_key_id=key): key for key in keys[1:]}
    held = Counter(owners[taken(session).batch_id] for _ in range(12))
    assert held == dict.fromkeys(keys, 4)


def test_batches_of_one_key_take_turns(session: Session) -> None:
    other, key = begun(session, 6), uuid.uuid4()
    batches = [begun(session, 2, api_key_id=key) for _ in range(3)]
    assert Counter(taken(session).batch_id for _ in range(6)) == {other: 3} | dict.fromkeys(batches, 1)


def test_key_whose_batches_have_to_wait_hides_no_other(session: Session) -> None:
    begun(session, 1, api_key_id=uuid.uuid4())
    session.execute(update(BatchItem).values(available_at=database_time(3600)))
    session.commit()
    batches = {begun(session, 1, api_key_id=key) for key in (uuid.uuid4(), None)}
    assert {taken(session).batch_id, taken(session).batch_id} == batches
    assert take(session) is None


@pytest.mark.parametrize("key_id", [None, uuid.uuid4()], ids=["administrators", "key"])
def test_next_batch_is_found_by_the_index(postgres_sessions: SessionFactory, key_id: uuid.UUID | None) -> None:
    with postgres_sessions() as session:
        for _ in range(30):
            lifecycle.close(session, begun(session, 1, api_key_id=key_id))
        for way in ("seqscan", "bitmapscan", "sort"):  # what so few rows may be read by as well
            session.execute(text(f"SET LOCAL enable_{way} = off"))
        compiled = leases.in_turn(key_id).compile(session.get_bind(), compile_kwargs={"literal_binds": True})
        plan = "\n".join(session.scalars(text(f"EXPLAIN {compiled}")))
    assert "ix_batches_turns" in plan, plan
    assert "Sort" not in plan, plan


def test_keys_are_found_without_reading_all_batches(postgres_sessions: SessionFactory) -> None:
    with postgres_sessions() as session:
        for way in ("seqscan", "bitmapscan", "sort"):
            session.execute(text(f"SET LOCAL enable_{way} = off"))
        compiled = key_turns.keys_of_batches().compile(session.get_bind(), compile_kwargs={"literal_binds": True})
        plan = "\n".join(session.scalars(text(f"EXPLAIN {compiled}")))
    assert "Limit" in plan and "ix_batches_turns" in plan, plan
    assert "Unique" not in plan and "Aggregate" not in plan, plan
