"""Videos in the database, their steps taken and ended."""

import uuid
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core.batches.videos import lifecycle, objects, steps
from core.batches.videos.lifecycle import NewVideo, VideoSource
from core.batches.videos.steps import StepLease, StepResult
from core.contract.options import ResolvedMaskOptions
from core.contract.states import StepKind
from core.contract.video_options import ResolvedVideoOptions
from core.database.clock import database_time
from core.database.models import CleanupTask, Video, VideoStep

LEASE_S = 60.0
OPTIONS = ResolvedVideoOptions(mask=ResolvedMaskOptions(method="solid"), format="mp4", stride=2)
PROBED = {"width": 1920, "height": 1080, "fps": 25.0, "duration_s": 20.0, "codec": "h264", "frames_total": 500}
SEGMENTS = [
    {"index": 0, "start_pts": 0, "end_pts": 9, "start_frame": 0, "frames": 250},
    {"index": 1, "start_pts": 9, "end_pts": 18, "start_frame": 250, "frames": 250},
]


def begun(session: Session, **values: Any) -> Video:
    """Begin a video that was uploaded."""
    video_id = uuid.uuid4()
    source = VideoSource(video_id, objects.source(video_id), "street.mp4", 1000, is_ours=True)
    return lifecycle.create(session, NewVideo(source, OPTIONS, **values))


def take(session: Session) -> StepLease | None:
    return steps.take(session, "a task", LEASE_S)


def taken(session: Session, kind: StepKind) -> StepLease:
    """Take the next step, which is of this kind."""
    held = take(session)
    assert held is not None
    assert held.kind == kind
    return held


def done(session: Session, *kinds: StepKind) -> None:
    """Take and complete steps of these kinds."""
    for kind in kinds:
        held = taken(session, kind)
        if kind == StepKind.PROBE:
            result = StepResult(PROBED, SEGMENTS)
        else:
            result = StepResult({"faces_tracked": 3, "interpolated_share": 0.25} if kind == StepKind.LINK else {})
        assert steps.complete(session, held, result)


def to_the_join(session: Session) -> StepLease:
    """Do all steps but the last, and take that."""
    done(session, StepKind.PROBE, *[StepKind.DETECT] * 2, StepKind.LINK, *[StepKind.RENDER] * 2)
    return taken(session, StepKind.JOIN)


def run_out(session: Session) -> None:
    """Let every lease be over."""
    session.execute(update(VideoStep).values(lease_until=database_time(-1)))
    session.commit()


def ready(session: Session) -> None:
    """Let everything that was put off be due."""
    session.execute(update(VideoStep).values(available_at=database_time()))
    session.commit()


def status(session: Session, video: Video) -> str:
    return lifecycle.get(session, video.id).status


def states(session: Session, video: Video) -> list[tuple[str, int, str]]:
    """Return kind, position and state of every step."""
    found = select(VideoStep.kind, VideoStep.position, VideoStep.state).where(VideoStep.video_id == video.id)
    return sorted((kind, position, state) for kind, position, state in session.execute(found))


def cleanup_keys(session: Session) -> set[str]:
    return set(session.scalars(select(CleanupTask.s3_key)))
