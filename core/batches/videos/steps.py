"""The steps of videos: taken by workers, extended, completed, given up, and what follows each. The SQL of that.

What a lease is stands in core/batches/leased_rows.py. Every public function commits.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import case, select, update
from sqlalchemy.orm import Session

from core.batches import key_turns, leased_rows
from core.batches.key_turns import KindOfWork
from core.batches.videos import lifecycle, objects
from core.contract.states import StepKind, StepState, VideoStatus
from core.contract.video_options import ResolvedVideoOptions
from core.database.clock import database_time, read_database_time
from core.database.models import KeyTurn, Video, VideoStep
from core.records import cleanups
from core.webhooks import events

# What follows when all steps of a kind are completed, and what is then being done with the video.
NEXT = {
    StepKind.PROBE: (StepKind.DETECT, VideoStatus.DETECTING),
    StepKind.DETECT: (StepKind.LINK, VideoStatus.LINKING),
    StepKind.LINK: (StepKind.RENDER, VideoStatus.RENDERING),
    StepKind.RENDER: (StepKind.JOIN, VideoStatus.RENDERING),
}
OF_SEGMENTS = {StepKind.DETECT, StepKind.RENDER}


@dataclass(frozen=True)
class StepLease:
    """A step that a worker has. position, segment: of the segment that it is about, as the worker has planned it.

    Where the video's file is still to be made of pieces, that is the first step: `pieces` names them.
    source_key: where the video is; size_bytes: how large that is; waited_s: how long the step has waited for a worker.
    """

    step_id: uuid.UUID
    lease: uuid.UUID
    video_id: uuid.UUID
    kind: StepKind
    position: int
    segment: Any
    attempts: int
    source_key: str
    size_bytes: int
    options: ResolvedVideoOptions
    waited_s: float = 0.0

    @property
    def frames(self) -> int:
        """How many frames the step works on."""
        return int(self.segment.get("frames", 0)) if self.segment else 0

    @property
    def pieces(self) -> list[str]:
        """The keys of what the video's file is to be made of, in their order; none: it is there."""
        return list(self.segment.get("pieces", ())) if self.segment else []


@dataclass(frozen=True)
class StepResult:
    """What a completed step is followed by. values: columns of the video; segments: what there is to work on.

    keys: of the objects that the step has stored.
    """

    values: dict[str, Any] = field(default_factory=dict)
    segments: Sequence[Any] = ()
    keys: Sequence[str] = ()


def take(session: Session, leased_by: str, lease_s: float) -> StepLease | None:
    """Take the next step of any video, or None when there is nothing to do.

    Keys take turns, then the videos of one: what was served longest ago is next. Within a video, segments go in order.
    """
    first = (
        select(VideoStep.id)
        .join(Video, Video.id == VideoStep.video_id)
        .outerjoin(KeyTurn, key_turns.is_turn_of(Video.api_key_id, KindOfWork.VIDEOS))
        .where(VideoStep.state == StepState.QUEUED, VideoStep.available_at <= database_time())
        .where(Video.finished_at.is_(None))
        .order_by(KeyTurn.served_at.nulls_first(), Video.served_at, Video.id, VideoStep.position)
        .limit(1)
        .with_for_update(skip_locked=True, of=VideoStep)
        .scalar_subquery()
    )
    step = leased_rows.take(session, VideoStep, first, leased_by, lease_s)
    if step is None:
        session.rollback()
        return None
    step.frames_done = 0
    probing = case((Video.status == VideoStatus.QUEUED, VideoStatus.PROBING), else_=Video.status)
    started_at = case((Video.started_at.is_(None), database_time()), else_=Video.started_at)
    serving = {"served_at": database_time(), "status": probing, "started_at": started_at}
    served = update(Video).where(Video.id == step.video_id, Video.finished_at.is_(None)).values(serving)
    video = session.scalar(served.returning(Video).execution_options(synchronize_session=False, populate_existing=True))
    if video is None:  # it has just ended
        session.rollback()
        return None
    lease = StepLease(
        step_id=step.id,
        lease=step.lease,
        video_id=video.id,
        kind=StepKind(step.kind),
        position=step.position,
        segment=step.segment,
        attempts=step.attempts,
        source_key=video.source_key,
        size_bytes=video.size_bytes,
        options=ResolvedVideoOptions.model_validate(video.options),
        waited_s=max(0.0, (video.served_at - step.available_at).total_seconds()),
    )
    key_turns.count(session, video.api_key_id, KindOfWork.VIDEOS)
    session.commit()
    return lease


def extend(session: Session, lease: StepLease, lease_s: float, frames_done: int) -> bool:
    """Extend a lease and tell how many frames are done; False when it has been lost."""
    values = {"lease_until": database_time(lease_s), "frames_done": min(frames_done, lease.frames)}
    extended = _change(session, lease, values)
    session.commit()
    return extended


def segments(session: Session, video_id: uuid.UUID) -> list[Any]:
    """Return what the segments of a video are, in their order."""
    planned = select(VideoStep.segment).where(VideoStep.video_id == video_id, VideoStep.kind == StepKind.DETECT)
    return list(session.scalars(planned.order_by(VideoStep.position)))


def complete(session: Session, lease: StepLease, result: StepResult) -> bool:
    """Store that a step is completed, and queue what follows; False when the lease has been lost."""
    done = {"state": StepState.COMPLETED, "frames_done": lease.frames, "finished_at": database_time()}
    counted = update(Video).where(Video.id == lease.video_id, Video.finished_at.is_(None))
    counted = counted.values(result.values | {"steps_left": Video.steps_left - 1}).returning(Video)
    if not _change(session, lease, done):
        return _lost(session, lease, result)
    video = session.scalar(counted.execution_options(synchronize_session=False, populate_existing=True))
    if video is None:
        return _lost(session, lease, result)
    # An earlier attempt may have left them behind, and maintenance may have registered them as orphans.
    cleanups.done(session, result.keys)
    cleanups.register(session, lease.pieces)
    if not video.steps_left:
        _follow(session, video, lease, list(result.segments))
    session.commit()
    return True


def finish(session: Session, lease: StepLease, result: StepResult) -> bool:
    """Store the result of a video, which is completed; False when the lease has been lost."""
    completed = {"status": VideoStatus.COMPLETED, "finished_at": database_time(), "steps_left": 0}
    finished = update(Video).where(Video.id == lease.video_id, Video.finished_at.is_(None))
    finished = finished.values(result.values | completed).returning(Video)
    if not _change(session, lease, {"state": StepState.COMPLETED, "finished_at": database_time()}):
        return _lost(session, lease, result)
    video = session.scalar(finished.execution_options(synchronize_session=False, populate_existing=True))
    if video is None:
        return _lost(session, lease, result)
    cleanups.done(session, result.keys)
    cleanups.register(session, list(objects.intermediate(video)))
    events.enqueue_video_event(session, video)
    session.commit()
    return True


def fail(session: Session, lease: StepLease, code: str, detail: str) -> bool:
    """Store why a video failed for good; False when the lease has been lost."""
    if not _change(session, lease, {"state": StepState.FAILED, "finished_at": database_time()}):
        session.rollback()
        return False
    failed = {"status": VideoStatus.FAILED, "error_code": code, "error_detail": detail}
    return lifecycle.end(session, lease.video_id, failed)


def requeue_later(session: Session, lease: StepLease) -> bool:
    """Queue a step again that could not be done now, with a longer delay each time; no lease counts as lost."""
    later = database_time(leased_rows.retry_delay_s(lease.attempts))
    queued = _change(session, lease, {"state": StepState.QUEUED, "available_at": later, "frames_done": 0})
    session.commit()
    return queued


def waiting(session: Session) -> bool:
    """Return whether a step waits for a worker."""
    queued = select(VideoStep.id).join(Video).where(VideoStep.state == StepState.QUEUED, Video.finished_at.is_(None))
    return session.scalar(queued.limit(1)) is not None


def _follow(session: Session, video: Video, lease: StepLease, planned: list[Any]) -> None:
    """Queue the steps that follow the last one of a kind; a file that was made of its pieces is probed."""
    following, status = (StepKind.PROBE, VideoStatus.PROBING) if lease.pieces else NEXT[lease.kind]
    planned = planned or (segments(session, video.id) if following in OF_SEGMENTS else [None])
    moment = read_database_time(session)
    session.add_all(
        VideoStep(video_id=video.id, kind=following, position=position, segment=one, available_at=moment)
        for position, one in enumerate(planned, 1 if lease.pieces else 0)
    )
    session.flush()
    values = {"status": status, "steps_left": len(planned)}
    values |= {"segments": len(planned)} if following == StepKind.DETECT else {}
    session.execute(
        update(Video).where(Video.id == video.id).values(values).execution_options(synchronize_session=False)
    )


def _lost(session: Session, lease: StepLease, result: StepResult) -> bool:
    """Register what was stored for a video that has ended or is gone: its end didn't know of that."""
    session.rollback()
    video = session.get(Video, lease.video_id, populate_existing=True)
    if video is None or video.finished_at:
        kept = {video.result_key, objects.tracks(video.id)} if video else set()
        cleanups.register(session, [key for key in result.keys if key not in kept])
    session.commit()
    return False


def _change(session: Session, lease: StepLease, values: dict[str, Any]) -> bool:
    return leased_rows.change(session, VideoStep, lease.step_id, lease.lease, values)
