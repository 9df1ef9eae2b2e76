"""The regular jobs: each is one function that can run at any time, and twice at once."""

import math
import time
from datetime import timedelta

from core.batches import bucket_imports, bulk, lifecycle, reaping, removals
from core.batches.videos import lifecycle as videos
from core.batches.videos import reaping as video_reaping
from core.batches.videos import steps, uploads
from core.contract.deeds import Deed
from core.database import audits, tallies
from core.database.clock import now
from core.errors import FaceApiError, InternalError
from core.observability import logs
from core.records import cleanups, comparisons, deletions, records
from core.records.comparisons import StorageDifferences
from core.records.deletions import CleanupResult
from core.services import Services
from core.webhooks import events

log = logs.get(__name__)


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
        dead = reaping.reap_expired_leases(session)
        for batch_id in lifecycle.partly_cancelled(session):
            bulk.cancel_queued(session, batch_id)
        for batch_id in lifecycle.emptied(session):
            lifecycle.finish_if_done(session, batch_id)
            session.commit()
        waiting = lifecycle.waiting(session)
    if waiting:
        services.engine.wake_workers()
    return dead


def reap_videos(services: Services) -> int:
    """Give the steps of dead workers to others, and call for work on videos; return the dead."""
    if services.sessions is None:
        return 0
    with services.sessions() as session:
        dead = video_reaping.reap_expired_leases(session)
        waiting = steps.waiting(session)
    if waiting:
        services.engine.wake_video_workers()
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
            log.warning("bucket_import_failed", batch=str(batch_id), error=error.code)
        except Exception:
            log.exception("bucket_import_failed", batch=str(batch_id), error=InternalError.code)
    if due:
        services.engine.wake_workers()
    return added


def clean_storage(services: Services, seconds: float = math.inf) -> CleanupResult:
    """Delete the objects whose removal is due, for so long."""
    if services.sessions is None or services.store is None:
        return CleanupResult(0, 0)
    return deletions.delete_due(services.store, services.sessions, seconds)


def expire_images(services: Services, seconds: float = math.inf) -> int:
    """Delete the images that are past their retention, for so long; return how many."""
    days = services.settings.retention_days
    if not days or services.sessions is None:
        return 0
    deleted, before, until = 0, now() - timedelta(days=days), time.monotonic() + seconds
    with services.sessions() as session:
        while time.monotonic() < until and (image_ids := cleanups.expired_images(session, before)):
            records.delete_images(session, image_ids, Deed.IMAGE_EXPIRED)
            deleted += len(image_ids)
    return deleted


def expire_batches(services: Services) -> int:
    """Begin to delete the batches that are past their retention, delete such deliveries and records of the audit trail;
    return how many of all."""
    if services.sessions is None:
        return 0
    batch_days, delivery_days = services.settings.retention_batch_days, services.settings.retention_delivery_days
    audit_days = services.settings.audit_retention_days
    with services.sessions() as session:
        expired = removals.begin_expired(session, batch_days) if batch_days else 0
        expired += audits.delete_old(session, audit_days) if audit_days else 0
        return expired + (events.delete_old(session, delivery_days) if delivery_days else 0)


def expire_videos(services: Services, seconds: float = math.inf) -> int:
    """Delete the videos that are past their retention, for so long; return how many."""
    days = services.settings.retention_video_days
    if not days or services.sessions is None:
        return 0
    deleted, until = 0, time.monotonic() + seconds
    with services.sessions() as session:
        while time.monotonic() < until and (expired := videos.expired(session, days)):
            for video_id in expired:
                videos.remove(session, video_id, Deed.VIDEO_EXPIRED)
            deleted += len(expired)
    return deleted


def expire_uploads(services: Services) -> int:
    """Register the removal of what was left of uploads in pieces; return of how many objects."""
    if services.sessions is None or services.store is None:
        return 0
    left = set(uploads.abandoned(services.store))
    if not left:
        return 0
    with services.sessions() as session:
        left -= set(videos.pieces(session))  # the videos that they belong to wait for a worker
        cleanups.register(session, left)
        session.commit()
    return len(left)


def remove_batches(services: Services, seconds: float = math.inf) -> int:
    """Go on deleting batches, for so long; return how many items are gone."""
    if services.sessions is None:
        return 0
    removed, give_up = 0, time.monotonic() + seconds
    with services.sessions() as session:
        for batch_id in removals.hidden(session):
            for count in removals.empty(session, batch_id):
                removed += count
                if time.monotonic() > give_up:
                    return removed
    return removed


def compare(services: Services) -> StorageDifferences:
    """Find objects without rows, whose removal is registered, and rows without objects, which are only counted."""
    if services.sessions is None or services.store is None:
        return StorageDifferences(0, 0)
    return comparisons.compare(services.store, services.sessions)
