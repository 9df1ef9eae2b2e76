"""Tracks: the faces of a video's frames, linked over time, with the boxes of frames where a face was missed.

What was found in a frame is always part of a track, with the box that was found: linking adds, and never takes away.
"""

import bisect
import itertools
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.video.tracking import association, faces, filling
from core.video.tracking.association import Chain
from core.video.tracking.faces import SURE, Flags, FoundFaces, FrameFaces, Scene
from core.video.tracking.filling import Filled, Motion, Sights
from core.video.tracking.motions import Fields
from core.vision import boxes as geometry
from core.vision.boxes import Boxes, Scores

EDGES = ("x1", "y1", "x2", "y2")
BLOCK = 256  # chosen: so many frames are worded at a time


@dataclass(frozen=True)
class TrackedBox:
    """The box of a track in one frame, in pixels. seen: found there, or else filled in."""

    x1: float
    y1: float
    x2: float
    y2: float
    confidence: float
    seen: bool


@dataclass(frozen=True)
class Track:
    """One face over time. frames: (m,), rising; boxes: (m, 4); confidences, seen: (m,).

    id: from 1, by the first sight. sure: whether any sight is.
    """

    id: int
    frames: NDArray[np.int32]
    boxes: Boxes
    confidences: Scores
    seen: Flags
    sure: bool

    def at(self, frame: int) -> TrackedBox | None:
        """Return its box in a frame, None where it has none."""
        row = bisect.bisect_left(self.frames, frame)
        if row == len(self.frames) or self.frames[row] != frame:
            return None
        x1, y1, x2, y2 = self.boxes[row].tolist()
        return TrackedBox(x1, y1, x2, y2, float(self.confidences[row]), bool(self.seen[row]))


@dataclass(frozen=True)
class Evidence:
    """What else tracks are made by. fields: the motion to each frame, (n, …), of the video; None: it is not known.

    weak: whether weak faces alone can be a track, where one is found again and again.
    """

    fields: Fields | None = None
    weak: bool = True


def link(
    found: FoundFaces | Iterable[FrameFaces],
    cuts: Collection[int],
    width: int,
    height: int,
    evidence: Evidence = Evidence(),
) -> list[Track]:
    """Link the faces of a video of width x height; the same faces give the same tracks.

    found: of all frames, in their order, the skipped ones too; cuts: the frames that begin a scene, where tracks end.
    Gaps of up to 2 s are filled, and every track goes on at both ends, growing (core/video/tracking/filling.py).
    VideoTooLarge where there is more than memory holds.
    """
    tracks: list[Track] = []
    begins = boxes = 0
    for scene in FoundFaces.of(found).scenes(cuts):
        part = slice(begins, begins := begins + len(scene.frames))
        motion = None if evidence.fields is None else Motion(evidence.fields[part], (width, height))
        for chain in association.chains(scene, believe_weak=evidence.weak):
            sure = chain.rank == SURE
            filled = filling.filled(scene.times, _sights(chain, scene), motion, sure=sure)
            first = int(scene.frames[0])
            tracks.append(_track(len(tracks) + 1, filled, first, (width, height), sure=sure))
            boxes += len(tracks[-1].frames)
            faces.checked(boxes)
    return tracks


def _sights(chain: Chain, scene: Scene) -> Sights:
    rows = np.array(chain.rows)
    return Sights(scene.positions(rows), scene.boxes[rows].astype(np.float64), scene.scores[rows].astype(np.float64))


def _track(number: int, filled: Filled, begins: int, size: tuple[int, int], *, sure: bool) -> Track:
    """Make a track of boxes of a scene; begins: the number of its first frame."""
    placed = geometry.clip(filled.boxes.astype(np.float32), *size)
    # What was found stays as it was found.
    placed[filled.seen] = filled.boxes[filled.seen].astype(np.float32)
    there = filled.seen | ((placed[:, 2:] > placed[:, :2]).all(axis=1))
    frames = (begins + filled.positions[there]).astype(np.int32)
    confidences = filled.confidences[there].astype(np.float32)
    return Track(number, frames, placed[there], confidences, filled.seen[there], sure)


def interpolated_share(tracks: Iterable[Track]) -> float:
    """Return which share of all boxes was filled in: 0 to 1."""
    seen = np.concatenate([np.zeros(0, bool), *(track.seen for track in tracks)])
    return float(1 - seen.mean()) if len(seen) else 0.0


def within(tracks: Iterable[Track], frames: range) -> Iterator[tuple[Track, range]]:
    """Yield the tracks that are there in some of the frames, and the rows of those."""
    for track in tracks:
        if track.frames[0] < frames.stop and track.frames[-1] >= frames.start:
            yield track, range(*np.searchsorted(track.frames, (frames.start, frames.stop)).tolist())


def lines(tracks: Sequence[Track], found: FoundFaces | Iterable[FrameFaces]) -> Iterator[str]:
    """Word the tracks as JSON Lines, without line ends: one for each frame, in the frames' order."""
    moments = FoundFaces.of(found).moments()
    while block := dict(itertools.islice(moments, BLOCK)):
        worded: dict[int, list[dict[str, object]]] = {frame: [] for frame in block}
        for track, rows in within(tracks, range(min(block), max(block) + 1)):
            for row in rows:
                worded[int(track.frames[row])].append(_worded(track, row))
        for frame, time_s in block.items():
            yield json.dumps({"frame": frame, "time_s": round(time_s, 6), "faces": worded[frame]})


def _worded(track: Track, row: int) -> dict[str, object]:
    return {
        "track_id": track.id,
        "bbox": {name: round(edge, 1) for name, edge in zip(EDGES, track.boxes[row].tolist(), strict=True)},
        "confidence": round(float(track.confidences[row]), 4),
        "seen": bool(track.seen[row]),
    }
