"""What has to be done again and again: each is one function that can run at any time, and twice at once."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain, islice

from sqlalchemy.orm import Session

from core import logs
from core.batches import bucket_imports, bulk, leases, lifecycle
from core.database import tallies
from core.database.clock import now
from core.errors import FaceApiError, NotFound, StorageUnavailable
from core.keys import keys, uses
from core.records import cleanups, records
from core.records.cleanups import DueCleanup
from core.services import Services
from core.storage import objects
from core.storage.base import ObjectStore
from core.storage.objects import StoredObject

log = logs.get(__name__)

OBJECTS_AT_ONCE = 1000
# A call stores its objects before its rows, so a young object without a row may still get one.
ORPHAN_AGE = timedelta(hours=1)


@dataclass(frozen=True)
class CleanupResult:
    """removed: objects that are gone now; waiting: removals that are still to be done."""

    removed: int
    waiting: int


@dataclass(frozen=True)
class StorageDifferences:
    """How store and database differ. orphans: objects without a row, now to be removed; missing: keys of rows without
    an object."""

    orphans: int
    missing: int


def count_key_uses(services: Services) -> int:
    """Add the uses of API keys that were collected to the table; return how many keys were used."""
    if services.sessions is None:
        return 0
    with uses.taken(services.redis) as counted, services.sessions() as session:
        keys.add_uses(session, counted)
    return len(counted)


def fold_tallies(services: Services) -> int:
    """Add up what was counted since the last time; return how many changes there were."""
    if services.sessions is None:
        return 0
    with services.sessions() as session:
        return tallies.fold(session)


def reap_batches(services: Services) -> int:
    """Give the items of dead workers to others, end what was cancelled half, and call for work; return the dead."""
    if services.sessions is None:
        return 0
    with services.sessions() as session:
        dead = leases.reap_expired_leases(session)
        for batch_id in lifecycle.cancelled_in_part(session):
            bulk.cancel_queued(session, batch_id)
        waiting = lifecycle.waiting(session)
    if waiting:
        services.engine.wake_workers()
    return dead


def import_prefixes(services: Services) -> int:
    """Make items of what batches name in the bucket; return how many."""
    if services.sessions is None or services.store is None:
        return 0
    with services.sessions() as session:
        due = bucket_imports.claim_due_imports(session)
    added = 0
    for batch_id in due:
        try:
            added += bucket_imports.import_prefix(services.store, services.sessions, batch_id)
        except FaceApiError as error:  # a store that is down, a batch that was cancelled: the others come all the same
            log.warning("a prefix was not imported", batch=str(batch_id), error=error.code)
    if due:
        services.engine.wake_workers()
    return added


def clean_storage(services: Services) -> CleanupResult:
    """Remove the objects that are to go; one that can't be removed now is tried again later, less and less often."""
    if services.sessions is None or services.store is None:
        return CleanupResult(0, 0)
    removed = 0
    with services.sessions() as session:
        while due := cleanups.due(session, limit=1):
            gone = _removed(session, services.store, due[0])
            session.commit()
            if not gone:  # the store is down: every other removal would wait for it too
                break
            removed += 1
        return CleanupResult(removed, cleanups.count(session))


def expire_images(services: Services) -> int:
    """Delete the images that are older than the settings keep them; return how many."""
    days = services.settings.retention_days
    if not days or services.sessions is None:
        return 0
    deleted, before = 0, now() - timedelta(days=days)
    with services.sessions() as session:
        while image_ids := cleanups.expired_images(session, before):
            records.delete_images(session, image_ids)
            deleted += len(image_ids)
    return deleted


def compare(services: Services) -> StorageDifferences:
    """Find objects without rows, whose removal is registered, and rows without objects, which are only counted."""
    if services.sessions is None or services.store is None:
        return StorageDifferences(0, 0)
    with services.sessions() as session:
        orphans = sum(_register_orphans(session, found) for found in _old_objects(services.store))
        missing = _count_missing(session, services.store)
    return StorageDifferences(orphans, missing)


def _removed(session: Session, store: ObjectStore, task: DueCleanup) -> bool:
    try:
        store.delete(task.s3_key)
    except StorageUnavailable as error:
        cleanups.failed(session, task.s3_key, str(error))
        return False
    cleanups.done(session, [task.s3_key])
    return True


def _old_objects(store: ObjectStore) -> Iterator[list[str]]:
    """Yield the keys of objects that are old enough to have a row, many at a time."""
    before = now() - ORPHAN_AGE
    ours = chain.from_iterable(store.list(prefix) for prefix in objects.OWN_PREFIXES)
    old = (found.key for found in ours if found.modified_at < before)
    while some := list(islice(old, OBJECTS_AT_ONCE)):
        yield some


def _register_orphans(session: Session, found: list[str]) -> int:
    images_of = {key: image_id for key in found if (image_id := _image_id(key))}
    orphans = set(images_of) - cleanups.known_keys(session, set(images_of.values()))
    cleanups.register(session, orphans)
    session.commit()
    return len(orphans)


def _count_missing(session: Session, store: ObjectStore) -> int:
    """Count the keys of rows whose objects are gone.

    Store and rows are read side by side, by rising ids. What seems to be missing is asked for by itself, so that rows
    which change meanwhile, or a store that lists in another order, cost time and never the truth.
    """
    listings = [_Listing(store.list(prefix)) for prefix in objects.OWN_PREFIXES]
    missing = 0
    for last, known in cleanups.object_keys(session, OBJECTS_AT_ONCE):
        listed = set[str]().union(*(listing.up_to(last) for listing in listings))
        gone = {key for key in known - listed if not _is_there(store, key)}
        if gone:
            missing += len(gone & cleanups.known_keys(session, {_of(key) for key in gone}))
    return missing


class _Listing:
    """A listing that is read image by image."""

    def __init__(self, found: Iterator[StoredObject]) -> None:
        self._ours = ((image_id, one.key) for one in found if (image_id := _image_id(one.key)))
        self._next = next(self._ours, None)

    def up_to(self, last: uuid.UUID) -> Iterator[str]:
        """Yield the keys of the following images, to the last one."""
        while self._next and self._next[0] <= last:
            yield self._next[1]
            self._next = next(self._ours, None)


def _of(key: str) -> uuid.UUID:
    return uuid.UUID(key.split("/")[1])


def _image_id(key: str) -> uuid.UUID | None:
    """Read the image's id from a key; somebody else's object has none, and stays."""
    try:
        return _of(key)
    except (IndexError, ValueError):
        return None


def _is_there(store: ObjectStore, key: str) -> bool:
    try:
        store.stat(key)
    except NotFound:
        return False
    return True
