"""The life of a video: created, listed, cancelled, ended. All SQL about videos as a whole.

Lock order: a step before its video.
"""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.orm import Session

from core.batches.videos import objects
from core.contract.deeds import Deed
from core.contract.states import StepKind, StepState, VideoStatus
from core.contract.video_options import ResolvedVideoOptions
from core.database import audits, pages
from core.database.clock import database_time
from core.database.models import Video, VideoStep
from core.database.pages import Page
from core.errors import NotFound
from core.records import cleanups
from core.webhooks import events

# Where a step of each kind begins and how much of the way it is.
# measured: of a 1080p video searched at `balanced`, 2 CPUs: six tenths of the time go into the search
SHARES = {StepKind.DETECT: (0.01, 0.6), StepKind.RENDER: (0.62, 0.35)}
LEAST_SHARE = 0.02  # chosen: what is done before says too little about how long the rest takes


@dataclass(frozen=True)
class VideoSource:
    """Where a video is, and what it is called. id: of the video that it becomes; is_ours: whether it was uploaded.

    pieces: keys of what a worker makes its file of, in their order, where that is not there yet; leftovers: of objects
    that nobody needs once the video is there.
    """

    id: uuid.UUID
    key: str
    filename: str
    size_bytes: int
    is_ours: bool
    pieces: tuple[str, ...] = ()
    leftovers: tuple[str, ...] = ()


@dataclass(frozen=True)
class NewVideo:
    """What a video is created with. api_key_id: whose it is; None: the administrator's."""

    source: VideoSource
    options: ResolvedVideoOptions
    api_key_id: uuid.UUID | None = None
    webhook_url: str | None = None


@dataclass(frozen=True)
class VideoProgress:
    """A video and how far it is. share: 0 to 1; frames_done: of the step that runs; remaining_s: None when unknown."""

    video: Video
    share: float
    frames_done: int
    remaining_s: float | None


def create(session: Session, new: NewVideo) -> Video:
    """Create a video whose file is in the store, whole or in pieces; its first step is queued. Commits."""
    source = new.source
    video = Video(
        id=source.id,
        api_key_id=new.api_key_id,
        filename=source.filename,
        source_key=source.key,
        source_is_ours=source.is_ours,
        size_bytes=source.size_bytes,
        options=new.options.model_dump(mode="json"),
        status=VideoStatus.QUEUED,
        webhook_url=new.webhook_url,
    )
    session.add(video)
    session.flush()
    pieces = {"pieces": source.pieces} if source.pieces else None
    session.add(VideoStep(video_id=video.id, kind=StepKind.PROBE, position=0, segment=pieces))
    if source.is_ours:
        cleanups.done(session, [source.key, *source.pieces])  # maintenance may have taken them for orphans
    cleanups.register(session, source.leftovers)
    audits.record(session, Deed.VIDEO_CREATED, video.id)
    session.commit()
    return get(session, source.id)


def get(session: Session, video_id: uuid.UUID) -> Video:
    """Return a video as it is now; NotFound without it."""
    video = session.get(Video, video_id, populate_existing=True)
    if video is None:
        raise NotFound(f"there is no video {video_id}")
    return video


def unfinished(session: Session) -> dict[str, int]:
    """Return how many videos have not finished, by status."""
    counts = select(Video.status, func.count()).where(Video.finished_at.is_(None)).group_by(Video.status)
    return {status: int(count) for status, count in session.execute(counts)}


def page(
    session: Session,
    page: int,
    per_page: int,
    status: VideoStatus | None = None,
    shown: Collection[uuid.UUID] | None = None,
) -> Page[Video]:
    """Return one page of the videos, newest first. shown: the keys whose videos are listed; None: all."""
    videos = select(Video)
    videos = videos if shown is None else videos.where(Video.api_key_id.in_(shown))
    videos = videos.where(Video.status == status) if status else videos
    return pages.fetch(session, videos.order_by(Video.created_at.desc(), Video.id.desc()), page, per_page)


def progress(session: Session, videos: Collection[Video]) -> list[VideoProgress]:
    """Return how far videos are, by one query for all."""
    columns = (VideoStep.video_id, VideoStep.kind, func.sum(VideoStep.frames_done), database_time())
    counted = select(*columns).where(VideoStep.video_id.in_([video.id for video in videos]))
    rows = session.execute(counted.group_by(VideoStep.video_id, VideoStep.kind)).all()
    done = {(row[0], StepKind(row[1])): int(row[2] or 0) for row in rows}
    moment = rows[0][3] if rows else None
    return [_progress(video, {kind: done.get((video.id, kind), 0) for kind in SHARES}, moment) for video in videos]


def _progress(video: Video, done: dict[StepKind, int], moment: Any) -> VideoProgress:
    total = video.frames_total or 0
    if video.status == VideoStatus.COMPLETED:
        return VideoProgress(video, 1.0, total, None)
    kind = StepKind.RENDER if done[StepKind.RENDER] or video.status == VideoStatus.RENDERING else StepKind.DETECT
    start, weight = SHARES[kind]
    share = start + weight * min(1.0, done[kind] / total) if total else 0.0
    if video.finished_at or share < LEAST_SHARE or not (video.started_at and moment):
        return VideoProgress(video, share, done[kind], None)
    elapsed_s = (moment - video.started_at).total_seconds()
    return VideoProgress(video, share, done[kind], max(0.0, elapsed_s * (1 - share) / share))


def cancel(session: Session, video_id: uuid.UUID) -> Video:
    """End a video: its workers stop within seconds. One that has ended stays as it is. Commits."""
    get(session, video_id)
    end(session, video_id, {"status": VideoStatus.CANCELLED})
    return get(session, video_id)


def end(session: Session, video_id: uuid.UUID, values: dict[str, Any]) -> bool:
    """End a video that has not ended yet; what is left of its steps is cancelled. Commits, whatever is open."""
    unfinished = update(Video).where(Video.id == video_id, Video.finished_at.is_(None))
    ended = unfinished.values(values | {"finished_at": database_time()}).returning(Video)
    video = session.scalar(ended.execution_options(synchronize_session=False, populate_existing=True))
    if video is not None:
        cleanups.register(session, list(objects.intermediate(video)))
        events.enqueue_video_event(session, video)
        if video.status == VideoStatus.CANCELLED:
            audits.record(session, Deed.VIDEO_CANCELLED, video_id)
    session.commit()
    # A transaction of its own: workers lock a step before its video.
    left = update(VideoStep).where(
        VideoStep.video_id == video_id, VideoStep.state.in_((StepState.QUEUED, StepState.RUNNING))
    )
    blank = {"state": StepState.CANCELLED, "lease": None, "leased_by": None, "lease_until": None}
    session.execute(left.values(blank).execution_options(synchronize_session=False))
    session.commit()
    return video is not None


def remove(session: Session, video_id: uuid.UUID, deed: Deed = Deed.VIDEO_DELETED) -> list[str]:
    """Delete a video with its steps and deliveries; return the keys of its objects, whose removal is registered.

    deed: as what it is recorded. A worker that has a step of it loses its lease with the row. NotFound. Commits.
    """
    video = get(session, video_id)
    if not video.finished_at:
        end(session, video_id, {"status": VideoStatus.CANCELLED})
        video = get(session, video_id)
    keys = [*objects.every(video), *pieces(session, VideoStep.video_id == video_id)]
    cleanups.register(session, keys)
    # Workers lock a step before its video.
    session.execute(delete(VideoStep).where(VideoStep.video_id == video_id))
    gone = delete(Video).where(Video.id == video_id).returning(Video.id)
    audits.record(session, deed, *session.scalars(gone.execution_options(synchronize_session=False)))
    session.commit()
    return keys


def pieces(session: Session, *which: ColumnElement[bool]) -> list[str]:
    """Return the keys of all pieces that no file has been made of. which: conditions on the videos' steps."""
    probes = select(VideoStep.segment).where(VideoStep.kind == StepKind.PROBE, *which)
    unmade = probes.where(VideoStep.state != StepState.COMPLETED, VideoStep.segment.is_not(None))
    return [key for segment in session.scalars(unmade) for key in segment["pieces"]]


def expired(session: Session, days: int, limit: int = 100) -> list[uuid.UUID]:
    """Return some videos that ended so many days ago."""
    old = select(Video.id).where(Video.finished_at < database_time(-days * events.DAY_S))
    return list(session.scalars(old.order_by(Video.finished_at).limit(limit)))
