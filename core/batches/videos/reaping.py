"""Expired leases of videos: their steps are queued again, and a video fails after too many. Every function commits."""

import uuid

from sqlalchemy.orm import Session

from core.batches import leased_rows
from core.batches.videos import lifecycle
from core.contract.states import VideoStatus
from core.database.models import VideoStep
from core.observability import metrics


def reap_expired_leases(session: Session, leased_by: str | None = None) -> int:
    """End the leases of workers that died: of one task, or some that have expired; return how many.

    A step is queued again; a video that kills one worker after the other fails.
    """
    found = leased_rows.lost(session, VideoStep, leased_by)
    session.rollback()
    for lease in found:
        _reap(session, lease)
    return len(found)


def _reap(session: Session, lease: uuid.UUID) -> None:
    """Queue the step of a lease, or end its video, if it is still under that lease."""
    step = leased_rows.count_lost(session, VideoStep, lease)
    if step is None:
        session.commit()
        return
    values = leased_rows.after_loss(step.lost_leases)
    error = {name: values.pop(name) for name in ("error_code", "error_detail") if name in values}
    leased_rows.change(session, VideoStep, step.id, lease, values | {"frames_done": 0})
    if error:
        lifecycle.end(session, step.video_id, {"status": VideoStatus.FAILED} | error)
    session.commit()
    metrics.count(metrics.LEASE_EXPIRIES, "failed" if error else "queued")
