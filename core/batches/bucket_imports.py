"""Batches of pictures that are in the bucket already: each one below a prefix becomes an item.

A picture is copied to where uploads are when it is processed, so that deleting it later deletes the copy. An import
whose process dies is started again: a picture that is an item already makes no second.
"""

import uuid
from collections.abc import Iterator
from itertools import islice

from sqlalchemy import update
from sqlalchemy.orm import Session

from core.batches import items, lifecycle
from core.batches.items import NewItem
from core.contract.states import BatchStatus
from core.database.clock import database_time
from core.database.engine import SessionFactory
from core.database.models import Batch
from core.pictures import suffixes
from core.storage.base import ObjectStore
from core.storage.objects import OWN_PREFIXES, is_key

PICTURES_AT_ONCE = 1000
LEASE_S = 120  # chosen: a page of a listing and its rows take seconds


def is_importable(prefix: str) -> bool:
    """Whether keys can have this prefix, and none of this service's own objects has: originals and masked pictures."""
    return is_key(f"{prefix}x") and not any(own.startswith(prefix) or prefix.startswith(own) for own in OWN_PREFIXES)


def claim_due_imports(session: Session) -> list[uuid.UUID]:
    """Claim the batches whose import is not finished and that no process is importing; commits."""
    due = (
        update(Batch)
        .where(Batch.prefix.is_not(None), Batch.imported_at.is_(None), Batch.status == BatchStatus.OPEN)
        .where(Batch.import_until.is_(None) | (Batch.import_until < database_time()))
        .values(import_until=database_time(LEASE_S))
        .returning(Batch.id)
    )
    claimed = list(session.scalars(due.execution_options(synchronize_session=False)))
    session.commit()
    return claimed


def import_prefix(store: ObjectStore, sessions: SessionFactory, batch_id: uuid.UUID) -> int:
    """Insert an item for every picture below a batch's prefix, and close the batch; return how many are new."""
    with sessions() as session:
        prefix = lifecycle.get(session, batch_id).prefix or ""
        added = sum(_add(session, batch_id, new) for new in _pictures(store, prefix))
        done = {"status": BatchStatus.RUNNING, "imported_at": database_time(), "closed_at": database_time()}
        finished = (
            update(Batch)
            .where(Batch.id == batch_id, Batch.status == BatchStatus.OPEN)
            .values(done | {"import_until": None})
        )
        session.execute(finished.execution_options(synchronize_session=False))
        lifecycle.finish_if_done(session, batch_id)
        session.commit()
    return added


def _pictures(store: ObjectStore, prefix: str) -> Iterator[list[NewItem]]:
    """Yield lists of new items, named by the rest of their keys, from the last folder of the prefix on."""
    folder = prefix[: prefix.rfind("/") + 1]
    pictures = (
        NewItem(object_.key.removeprefix(folder), object_.size_bytes, source_key=object_.key)
        for object_ in store.list(prefix)
        if suffixes.is_picture(object_.key)
    )
    while new := list(islice(pictures, PICTURES_AT_ONCE)):
        yield new


def _add(session: Session, batch_id: uuid.UUID, new: list[NewItem]) -> int:
    """Insert items and extend the lease of the import; return how many were new."""
    existing = items.add(session, batch_id, new)
    extended = update(Batch).where(Batch.id == batch_id).values(import_until=database_time(LEASE_S))
    session.execute(extended.execution_options(synchronize_session=False))
    session.commit()
    return len(new) - len(existing)
