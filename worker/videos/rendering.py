"""The second pass over a segment: its frames are masked, some are searched again, and all are encoded."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import BinaryIO

from core.batches.videos import objects
from core.batches.videos.steps import StepResult
from core.contract.options import ResolvedMaskOptions
from core.contract.reports import Face
from core.errors import ResidualFace
from core.pictures.images import DecodedImage
from core.video import encoding
from core.video.frames import VideoFrame
from core.video.segments import Segment
from core.vision import covering, masks, regions, verifications
from core.vision.masks import MaskedPixels
from core.vision.regions import Region
from worker import activity
from worker.videos import steps
from worker.videos.steps import Work, temporary_file

Boxes = Sequence[Sequence[float]]

# Every so many frames, and at both ends of a segment, the masked frame is searched.
# chosen: a face that is seen for half a second is seen in one of them, at a twelfth of what the first pass costs
SAMPLE_EVERY = 12
MAX_ROUNDS = 2  # of rendering a segment again: stronger, then in black
# How far from where it was found a face is masked before and after: to the frames that were searched, and it moves.
GROWTH = 0.5  # chosen: of its box's sides, on each side


@dataclass(frozen=True)
class FoundAgain:
    """A face that is still found in a masked frame. round: in how many renderings before."""

    frame: int
    face: Face
    round: int

    def reaches(self, frame: int) -> bool:
        return abs(frame - self.frame) <= SAMPLE_EVERY


@dataclass
class Rendering:
    """One rendering of a segment. again: what was found in those before; found: what is found all the same."""

    again: tuple[FoundAgain, ...] = ()
    round: int = 0
    found: list[FoundAgain] = field(default_factory=list)


def render(work: Work) -> StepResult:
    """Mask and encode the frames of a segment, again while faces are found in it; ResidualFace when that stays so."""
    video_id, position = work.lease.video_id, work.lease.position
    rendering = Rendering()
    keys = [objects.part(video_id, position), objects.found_again(video_id, position)]
    while True:
        with temporary_file() as out:
            _render(work, rendering, out)
            if not rendering.found:
                work.put_file(keys[0], out, "application/octet-stream")
                break
        if rendering.round == MAX_ROUNDS:
            raise ResidualFace(f"a face is still found in frame {rendering.found[0].frame}; no video is answered")
        rendering = Rendering((*rendering.again, *rendering.found), rendering.round + 1)
    again = [[one.frame, [round(edge, 1) for edge in one.face.box], one.face.confidence] for one in rendering.again]
    work.put_json(keys[1], again)
    return StepResult(keys=keys)


def _render(work: Work, rendering: Rendering, out: BinaryIO) -> None:
    segment = Segment(**work.lease.segment)
    with work.source() as (file, header):
        masked = _masked(work, rendering, work.frames(file, header), segment)
        encoding.encode_segment(masked, header, steps.output(work, header), out, work.turns.give)


def _masked(work: Work, rendering: Rendering, unmasked: Iterator[VideoFrame], segment: Segment) -> Iterator[VideoFrame]:
    """Yield the frames of a segment, masked, and note the faces that are still found in a sample of them."""
    options = work.lease.options.mask
    for position, (frame, boxes) in enumerate(zip(unmasked, _boxes(work), strict=True)):
        with activity.shared().working():
            covered = work.turns.part(partial(_cover, work, rendering, frame, boxes))
            if options.verify and (not position % SAMPLE_EVERY or position == segment.frames - 1):
                rendering.found += work.turns.part(partial(_still_found, work, frame, covered, rendering.round))
        yield replace(frame, image=covered.pixels)
        work.turns.frame_done()


def _boxes(work: Work) -> Iterator[Boxes]:
    """Yield what is to be masked in each frame of the segment."""
    for text in work.get_lines(objects.masks(work.lease.video_id, work.lease.position)):
        line = json.loads(text)
        # An older worker has written all frames in one.
        yield from line if text.startswith(("[[[", "[[]")) else [line]


def _cover(work: Work, rendering: Rendering, frame: VideoFrame, boxes: Boxes) -> MaskedPixels:
    """Mask a frame: its tracks, and more strongly what was found in spite of them."""
    subject = covering.subject(DecodedImage(frame.image), work.lease.options.mask, work.runtime.mask_policy)
    how = subject.options, subject.policy, subject.size
    planned = regions.plan(tuple(_face(box) for box in boxes), *how)
    again = (one for one in rendering.again if one.reaches(frame.index))
    stronger = (_stronger(one, work.lease.options.mask, subject.size) for one in again)
    return masks.cover(subject.pixels, (*planned, *(region for region in stronger if region)))


def _stronger(found: FoundAgain, options: ResolvedMaskOptions, size: tuple[int, int]) -> Region | None:
    """Return the region over a face that was found again, black in the last round."""
    usual = "gaussian" if options.method == "elliptical" else options.method
    method = "solid" if found.round else usual
    harder = options.model_copy(update={"method": method, "padding": max(options.padding, GROWTH)})
    return regions.region(found.face, harder, verifications.STRONGER, size)


def _still_found(work: Work, frame: VideoFrame, covered: MaskedPixels, rounds: int) -> list[FoundAgain]:
    options = work.lease.options.mask
    least = max(options.confidence, verifications.MIN_RESIDUAL_CONFIDENCE)
    sure = options.model_copy(update={"confidence": least, "max_faces": 0})
    faces = work.runtime.detector.find(covered.pixels, sure).faces
    return [FoundAgain(frame.index, face, rounds) for face in faces]


def _face(box: Sequence[float]) -> Face:
    left, top, right, bottom = box
    return Face(box=(left, top, right, bottom), confidence=1.0)
