"""The first pass over a segment: the faces of its frames, and where scenes may begin."""

import base64
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.batches.videos import objects, uploads
from core.batches.videos.steps import StepResult
from core.video import media, scenes, searches, segments
from core.video.frames import VideoFrame
from core.video.media import VideoHeader
from core.video.sampling import FrameSampler
from core.video.segments import Segment
from core.video.tracking import motions
from core.video.tracking.faces import FrameFaces
from core.video.tracking.motions import Fields, MotionMeter
from worker import activity
from worker.videos.steps import Work, limits


def probe(work: Work) -> StepResult:
    """Judge a video by its header, and plan its segments; of one that was uploaded in pieces, make its file first."""
    if work.lease.pieces:
        return _assembled(work)
    with work.store.open(work.lease.source_key) as file:
        header = work.turns.beside(lambda: media.probe(file, limits(work.runtime)))
        planned = work.turns.beside(lambda: segments.plan(file, header, limits(work.runtime)))
    values = {
        "width": header.width,
        "height": header.height,
        "fps": header.fps,
        "duration_s": round(_duration_s(header, planned), 3),
        "codec": header.codec,
        "frames_total": sum(segment.frames for segment in planned),
        "dropped": list(header.dropped),
    }
    return StepResult(values, [asdict(segment) for segment in planned])


def _assembled(work: Work) -> StepResult:
    """Make a video's file of its pieces, which are not needed then: this step is followed by one that probes."""
    lease = work.lease
    work.turns.beside(lambda: uploads.assemble(work.store, lease.source_key, lease.pieces, lease.size_bytes))
    return StepResult(keys=[lease.source_key])


def _duration_s(header: VideoHeader, planned: list[Segment]) -> float:
    """Return how long a video is, by its frames where its header does not say."""
    if header.duration_s is not None:
        return header.duration_s
    return float((planned[-1].end_pts - planned[0].start_pts) * header.time_base)


def detect(work: Work) -> StepResult:
    """Search the frames of a segment: every n-th of them with a stride, and fewer where nothing moves."""
    sampler, meter = FrameSampler(work.lease.options.stride), MotionMeter()
    found, thumbnails, fields = [], [], []
    with work.source() as (file, header):
        for frame in work.frames(file, header):
            if sampler.due(frame.image, frame.time_s):
                with activity.shared().working():
                    faces = work.turns.part(partial(_searched, work, frame))
            else:
                faces = FrameFaces.unsearched(frame.index, frame.time_s)
            found.append(worded(faces))
            thumbnails.append(scenes.thumbnail(frame.image))
            fields.append(meter.measured(frame.image))
            work.turns.frame_done()
    key = objects.faces(work.lease.video_id, work.lease.position)
    work.put_json(key, {"frames": found, "thumbnails": _packed(thumbnails), "motion": _packed(fields)})
    return StepResult(keys=[key])


def _searched(work: Work, frame: VideoFrame) -> FrameFaces:
    at = frame.index, frame.time_s
    return searches.search(frame.image, at, work.lease.options.mask, work.runtime.detector)


def worded(faces: FrameFaces) -> list[Any]:
    """Return the faces of a frame as JSON holds them."""
    masked = faces.sure | True if faces.masked is None else faces.masked
    return [
        faces.frame,
        faces.time_s,
        np.round(faces.boxes.astype(float), 2).tolist(),
        np.round(faces.scores.astype(float), 4).tolist(),
        faces.sure.tolist(),
        masked.tolist(),
    ]


def _packed(arrays: list[NDArray[Any]]) -> str:
    return base64.b64encode(np.stack(arrays).tobytes()).decode() if arrays else ""


def read_fields(text: str | None) -> Fields | None:
    """Return the motion to each of a segment's frames from JSON: (n, …); to its first as to its second.

    None: an older worker has searched the segment, which does not measure motion.
    """
    if text is None:
        return None
    width, height = motions.CELLS
    fields = np.frombuffer(base64.b64decode(text), np.int16).reshape(-1, height, width, 2)
    return np.concatenate([fields[1:2], fields[1:]]) if len(fields) > 1 else fields


def read_thumbnails(text: str) -> NDArray[np.uint8]:
    """Return the tiny pictures of a segment's frames from JSON: (n, height, width)."""
    width, height = scenes.THUMBNAIL
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(-1, height, width)


def read(entry: list[Any]) -> FrameFaces:
    """Return the faces of a frame from JSON."""
    frame, time_s, boxes, scores, sure, masked = entry
    return FrameFaces(
        frame,
        time_s,
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(scores, np.float32),
        np.array(sure, bool),
        np.array(masked, bool),
    )
