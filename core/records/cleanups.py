"""Clean-up tasks: objects that are to be deleted, as rows, so that none is forgotten; and the queries of maintenance.

`register`, `done` and `failed` are part of the caller's transaction, which commits.
"""

import uuid
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from core.database import upserts
from core.database.clock import now
from core.database.models import CleanupTask, Image, ProcessingJob

FIRST_RETRY = timedelta(seconds=30)  # chosen: a store that restarts is back by then
LAST_RETRY = timedelta(days=1)
ERROR_LENGTH = 500


@dataclass(frozen=True)
class DueCleanup:
    """A removal that is to be tried now."""

    s3_key: str
    attempts: int


def register(session: Session, keys: Collection[str]) -> None:
    """Note that these objects are to be removed; one that is noted already stays as it is."""
    moment = now()
    rows = [{"s3_key": key, "attempts": 0, "next_attempt_at": moment, "created_at": moment} for key in sorted(keys)]
    if rows:
        statement = upserts.insert(session, CleanupTask)
        session.execute(statement.on_conflict_do_nothing(index_elements=["s3_key"]), rows)


def due(session: Session, limit: int = 100) -> list[DueCleanup]:
    """Return what is to be tried now. Nobody else is given the same until the session's transaction ends.

    SQLite can't promise that: two may be given the same, and remove it twice, which does no harm.
    """
    waiting = (
        select(CleanupTask.s3_key, CleanupTask.attempts)
        .where(CleanupTask.next_attempt_at <= now())
        .order_by(CleanupTask.next_attempt_at, CleanupTask.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [DueCleanup(*row) for row in session.execute(waiting)]


def done(session: Session, keys: Collection[str]) -> None:
    """Forget the tasks of objects that are gone."""
    session.execute(delete(CleanupTask).where(CleanupTask.s3_key.in_(keys)))


def failed(session: Session, key: str, error: str) -> None:
    """Put a task off: 30 seconds at first, twice as long each time, a day at most. It is never given up."""
    task = session.scalar(select(CleanupTask).where(CleanupTask.s3_key == key).with_for_update())
    if task is None:
        return
    task.next_attempt_at = now() + min(FIRST_RETRY * 2 ** min(task.attempts, 20), LAST_RETRY)
    task.attempts += 1
    task.last_error = error[:ERROR_LENGTH]
    session.flush()


def count(session: Session) -> int:
    """Return how many removals are still to be done, due or not."""
    return session.scalar(select(func.count()).select_from(CleanupTask)) or 0


def oldest_s(session: Session) -> float:
    """Return since how long the oldest removal is to be done; 0 when there is none."""
    oldest = session.scalar(select(func.min(CleanupTask.created_at)))
    return (now() - oldest).total_seconds() if oldest else 0.0


def expired_images(session: Session, before: datetime, limit: int = 500) -> list[uuid.UUID]:
    """Return some images that were created before a moment, oldest first."""
    oldest_first = select(Image.id).where(Image.created_at < before).order_by(Image.created_at, Image.id)
    return list(session.scalars(oldest_first.limit(limit)))


def object_keys(session: Session, images_at_once: int = 1000) -> Iterator[tuple[uuid.UUID, set[str]]]:
    """Yield the keys of every object that a row names, those of some images at a time, by rising ids: the last id of
    the images, and their keys."""
    last = uuid.UUID(int=0)
    while True:
        following = select(Image.id).where(Image.id > last).order_by(Image.id).limit(images_at_once)
        image_ids = session.scalars(following).all()
        if not image_ids:
            return
        last = image_ids[-1]
        yield last, known_keys(session, image_ids)


def known_keys(session: Session, image_ids: Collection[uuid.UUID]) -> set[str]:
    """Return the keys of the objects that the rows of these images name; an object that has none is an orphan.

    The image's id is a part of each key, so no index on the keys is needed.
    """
    originals = session.scalars(select(Image.s3_key).where(Image.id.in_(image_ids)))
    of_jobs = select(ProcessingJob.processed_s3_key).where(ProcessingJob.image_id.in_(image_ids))
    processed = session.scalars(of_jobs.where(ProcessingJob.processed_s3_key.is_not(None)))
    return {key for key in (*originals, *processed) if key}
