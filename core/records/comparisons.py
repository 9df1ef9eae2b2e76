"""The object store compared with the database: objects without rows, rows without objects."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain, islice

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.database.clock import now
from core.database.engine import SessionFactory
from core.database.models import Video
from core.errors import NotFound
from core.records import cleanups
from core.storage import objects
from core.storage.base import ObjectStore
from core.storage.objects import StoredObject

OBJECTS_AT_ONCE = 1000
# A call stores its objects before its rows, so a young object without a row may still get one.
ORPHAN_AGE = timedelta(hours=1)


@dataclass(frozen=True)
class StorageDifferences:
    """How store and database differ. orphans: objects without a row, now to be removed; missing: keys of rows without
    an object."""

    orphans: int
    missing: int


def compare(store: ObjectStore, sessions: SessionFactory) -> StorageDifferences:
    """Find objects without rows, whose removal is registered, and rows without objects, which are only counted."""
    with sessions() as session:
        orphans = sum(_register_orphans(session, found) for found in _old_objects(store, *objects.PICTURE_PREFIXES))
        orphans += sum(_register_orphans_of_videos(session, found) for found in _old_objects(store, objects.VIDEOS))
        missing = _count_missing(session, store)
    return StorageDifferences(orphans, missing)


def _old_objects(store: ObjectStore, *prefixes: str) -> Iterator[list[str]]:
    """Yield the keys of objects that are old enough to have a row, many at a time."""
    before = now() - ORPHAN_AGE
    ours = chain.from_iterable(store.list(prefix) for prefix in prefixes)
    old = (found.key for found in ours if found.modified_at < before)
    while some := list(islice(old, OBJECTS_AT_ONCE)):
        yield some


def _register_orphans(session: Session, found: list[str]) -> int:
    images_of = {key: image_id for key in found if (image_id := _image_id(key))}
    orphans = set(images_of) - cleanups.known_keys(session, set(images_of.values()))
    cleanups.register(session, orphans)
    session.commit()
    return len(orphans)


def _register_orphans_of_videos(session: Session, found: list[str]) -> int:
    """Register what belongs to no video: those of a video are deleted with it, or when it has ended."""
    videos_of = {key: video_id for key in found if (video_id := _image_id(key))}
    known = set(session.scalars(select(Video.id).where(Video.id.in_(set(videos_of.values())))))
    orphans = [key for key, video_id in videos_of.items() if video_id not in known]
    cleanups.register(session, orphans)
    session.commit()
    return len(orphans)


def _count_missing(session: Session, store: ObjectStore) -> int:
    """Count the keys of rows whose objects are gone.

    Store and rows are read side by side, by rising ids. What seems to be missing is checked by itself, so that rows
    which change meanwhile, or a store that lists in another order, cost time and never the truth.
    """
    listings = [_Listing(store.list(prefix)) for prefix in objects.PICTURE_PREFIXES]
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
    """Read the image's id, or the video's, from a key; an object of something else has none, and stays."""
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
