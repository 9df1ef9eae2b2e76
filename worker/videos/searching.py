"""The first pass over a segment: the faces of its frames, and where scenes may begin."""

import base64
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.batches.videos import objects, uploads
from core.batches.videos.steps import StepResult
from core.video import media, scenes, segments
from core.video.frames import VideoFrame
from core.video.media import VideoHeader
from core.video.sampling import FrameSampler
from core.video.searches import FrameSearch
from core.video.segments import Segment
from core.video.tracking import motions
from core.video.tracking.faces import FrameFaces
from core.video.tracking.motions import Field, Fields, MotionMeter
from core.vision.masks import Pixels
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
    key = objects.faces(work.lease.video_id, work.lease.position)
    with work.source() as (file, header):
        work.put_lines(key, _lines(work, work.frames(file, header)))
    return StepResult(keys=[key])


def _lines(work: Work, unmasked: Iterator[VideoFrame]) -> Iterator[str]:
    """Yield what is known of each frame, as a line of JSON; nothing of a frame is held."""
    options = work.lease.options
    sampler, meter = FrameSampler(options.stride), MotionMeter()
    frames = FrameSearch(options.mask, work.runtime.detector)
    for frame in unmasked:
        if sampler.due(frame.image, frame.time_s):
            with activity.shared().working():
                faces = work.turns.part(partial(frames.search, frame.image, (frame.index, frame.time_s)))
        else:
            faces = FrameFaces.unsearched(frame.index, frame.time_s)
        line = [worded(faces), _packed(scenes.thumbnail(frame.image)), _packed(meter.measured(frame.image))]
        work.turns.frame_done()
        yield json.dumps(line, separators=(",", ":"))


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


def _packed(array: NDArray[Any]) -> str:
    return base64.b64encode(array.tobytes()).decode()


@dataclass(frozen=True)
class Seen:
    """What is known of a frame: its faces, its tiny picture, (9, 16), and how it moved, (9, 16, 2).

    motion: None of a frame that an older worker has searched, which does not measure it.
    """

    faces: FrameFaces
    thumbnail: Pixels
    motion: Field | None


def seen(work: Work, segment: int) -> Iterator[Seen]:
    """Yield what is known of each frame of a segment, as `detect` has stored it."""
    for text in work.get_lines(objects.faces(work.lease.video_id, segment)):
        line = json.loads(text)
        if isinstance(line, dict):
            yield from _of_older_worker(line)
        else:
            faces, thumbnail, motion = line
            yield Seen(read(faces), _thumbnails(thumbnail)[0], _fields(motion)[0])


def _of_older_worker(segment: dict[str, Any]) -> Iterator[Seen]:
    """Yield the same of a segment that is one value; such workers may be replaced while a video is worked on."""
    motion = segment.get("motion")
    fields = [None] * len(segment["frames"]) if motion is None else _fields(motion)
    for faces, thumbnail, field in zip(segment["frames"], _thumbnails(segment["thumbnails"]), fields, strict=True):
        yield Seen(read(faces), thumbnail, field)


def _thumbnails(text: str) -> Pixels:
    width, height = scenes.THUMBNAIL
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(-1, height, width)


def _fields(text: str) -> Fields:
    width, height = motions.CELLS
    return np.frombuffer(base64.b64decode(text), np.int16).reshape(-1, height, width, 2)


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
