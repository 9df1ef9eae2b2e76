"""Whose work is next: keys take turns first, then what is of one key. Administrators count as one key.

So whoever has fifty batches gets no more than whoever has one. All SQL of keys' turns.
"""

import uuid
from enum import StrEnum

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from core.database import upserts
from core.database.batch_models import WAITING
from core.database.clock import database_time
from core.database.models import Batch, KeyTurn

ADMINISTRATORS = uuid.UUID(int=0)  # a primary key is never null


class KindOfWork(StrEnum):
    """What keys take turns with, each on its own."""

    BATCHES = "batches"
    VIDEOS = "videos"


def keys_of_batches() -> Select[uuid.UUID | None]:
    """Select the keys that have batches with queued items, the one whose turn is next first; None: administrators.

    The walk over the keys ends with null, so administrators are among them whether they have any or not.
    """

    def first(condition: ColumnElement[bool]) -> Select[uuid.UUID | None]:
        # One look into the index for each key, however many batches it has: DISTINCT would read them all.
        key = select(Batch.api_key_id).where(WAITING, condition).order_by(Batch.api_key_id).limit(1)
        return select(key.scalar_subquery().label("id"))

    keys = first(Batch.api_key_id.is_not(None)).cte("keys", recursive=True)
    keys = keys.union_all(first(Batch.api_key_id > keys.c.id).where(keys.c.id.is_not(None)))
    turns = select(keys.c.id).outerjoin_from(keys, KeyTurn, is_turn_of(keys.c.id, KindOfWork.BATCHES))
    return turns.order_by(KeyTurn.served_at.nulls_first(), keys.c.id)


def is_turn_of(
    key_id: InstrumentedAttribute[uuid.UUID | None] | ColumnElement[uuid.UUID | None], work: KindOfWork
) -> ColumnElement[bool]:
    """Return the condition under which a row of KeyTurn is that of the key."""
    return (KeyTurn.key_id == func.coalesce(key_id, ADMINISTRATORS)) & (KeyTurn.work == work)


def count(session: Session, key_id: uuid.UUID | None, work: KindOfWork) -> None:
    """Count that it was the key's turn; part of the transaction that takes its work, and the last in it."""
    values = {"key_id": key_id or ADMINISTRATORS, "work": work, "served_at": database_time()}
    taken = upserts.insert(session, KeyTurn).values(values)
    counted = taken.on_conflict_do_update(index_elements=["key_id", "work"], set_={"served_at": database_time()})
    session.execute(counted)
