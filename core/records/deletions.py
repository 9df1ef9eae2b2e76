"""The one way in which images and their objects are deleted: rows first, objects next, nothing forgotten.

An object that can't be deleted now is a task in the database (core/records/cleanups.py), which maintenance tries again.
"""

import math
import time
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from core.contract.deeds import Deed
from core.database.engine import SessionFactory
from core.errors import NotFound, StorageUnavailable
from core.observability import logs
from core.records import cleanups, records
from core.storage.base import ObjectStore

log = logs.get(__name__)
# Objects whose tasks are forgotten in one transaction. SQLite has one writer: calls wait for each of maintenance's.
AT_ONCE = 100  # chosen: what a store deletes in a second or two


@dataclass(frozen=True)
class CleanupResult:
    """removed: objects that are gone now; waiting: removals that are still to be done."""

    removed: int
    waiting: int


def delete_image(store: ObjectStore, sessions: SessionFactory, image_id: uuid.UUID) -> None:
    """Delete an image with its jobs and objects; NotFound without it.

    An object that the store refuses to delete now stays a task for maintenance.
    """
    with sessions() as session:
        keys = records.delete_images(session, [image_id], Deed.IMAGE_DELETED)
        if not keys:
            raise NotFound(f"there is no image {image_id}")
    discard(store, sessions, keys, registered=True)


def discard(store: ObjectStore, sessions: SessionFactory, keys: Collection[str], *, registered: bool = False) -> None:
    """Delete objects that no row names, and forget their tasks; what can't be deleted now becomes a task. Never fails.

    registered: whether the objects are tasks already. Where neither the store nor the database answers, the daily
    comparison finds the objects: they have no row.
    """
    removed = _delete_all(store, keys)
    left = set(keys) - removed
    if not (removed if registered else left):
        return
    try:
        with sessions() as session:
            if registered:
                cleanups.done(session, removed)
            else:
                cleanups.register(session, left)
            session.commit()
    except SQLAlchemyError as error:
        log.warning("cleanup_not_noted", removed=len(removed), left=len(left), error=logs.reason(error))


def delete_due(store: ObjectStore, sessions: SessionFactory, seconds: float = math.inf) -> CleanupResult:
    """Delete the objects whose tasks are due, for so long; one that fails is tried again later, less and less often."""
    removed, until = 0, time.monotonic() + seconds
    with sessions() as session:
        while time.monotonic() < until and (due := cleanups.due(session, AT_ONCE)):
            session.commit()  # nothing is locked while the store deletes; to remove an object twice does no harm
            gone, error = _delete_for_a_while(store, [task.s3_key for task in due], until)
            cleanups.done(session, gone)
            if error is not None:
                cleanups.failed(session, due[len(gone)].s3_key, error)
            session.commit()
            removed += len(gone)
            if error is not None:  # every other task would wait for the store too
                break
        return CleanupResult(removed, cleanups.count(session))


def _delete_for_a_while(store: ObjectStore, keys: Sequence[str], until: float) -> tuple[list[str], str | None]:
    """Delete objects in their order, at least one; return those that are gone, and what is wrong with the next."""
    gone: list[str] = []
    for key in keys:
        try:
            store.delete(key)
        except StorageUnavailable as error:
            return gone, str(error)
        gone.append(key)
        if time.monotonic() >= until:
            break
    return gone, None


def _delete_all(store: ObjectStore, keys: Collection[str]) -> set[str]:
    """Delete objects until one can't be deleted; return those that are gone."""
    removed: set[str] = set()
    try:
        for key in keys:
            store.delete(key)
            removed.add(key)
    except StorageUnavailable as error:
        log.warning("objects_left_for_maintenance", left=len(keys) - len(removed), reason=str(error.__cause__))
    return removed
