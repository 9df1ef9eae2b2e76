"""Tracks: the faces of a video's frames, linked over time, with the boxes of frames where a face was missed.

What was found in a frame is always part of a track, with the box that was found: linking adds, and never takes away.
"""

import bisect
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.video.tracking import association, filling
from core.video.tracking.association import DOUBTFUL, SURE, WEAK, Chain, Found
from core.video.tracking.filling import Filled, Motion, Sights
from core.video.tracking.motions import Fields
from core.vision import boxes as geometry
from core.vision.boxes import Boxes, Scores

Flags = NDArray[np.bool_]

EDGES = ("x1", "y1", "x2", "y2")


@dataclass(frozen=True)
class FrameFaces:
    """What a search found in one frame. boxes: (n, 4); scores: (n,); sure: (n,), above the asked confidence.

    masked: (n,), those that a mask of this frame alone would cover, the sure ones and likely ones; None: all. What is
    left counts only where a track leads to it. A frame that was not searched has no boxes.
    """

    frame: int
    time_s: float
    boxes: Boxes
    scores: Scores
    sure: Flags
    masked: Flags | None = None

    @classmethod
    def unsearched(cls, frame: int, time_s: float) -> "FrameFaces":
        """Return the entry of a frame that was skipped."""
        none = np.zeros(0, np.float32)
        return cls(frame, time_s, none.reshape(0, 4), none, np.zeros(0, bool))

    def in_order(self) -> "FrameFaces":
        """Return the same faces in an order that depends on nothing but themselves."""
        order = np.lexsort((-self.scores, -self.ranks, *self.boxes.T[::-1]))
        masked = None if self.masked is None else self.masked[order]
        return replace(self, boxes=self.boxes[order], scores=self.scores[order], sure=self.sure[order], masked=masked)

    @property
    def ranks(self) -> NDArray[np.intp]:
        """How much each face counts: SURE, DOUBTFUL or WEAK."""
        likely = np.ones(len(self.scores), bool) if self.masked is None else self.masked
        return np.where(self.sure, SURE, np.where(likely, DOUBTFUL, WEAK))


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
    frames: NDArray[np.intp]
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
    faces: Sequence[FrameFaces], cuts: Collection[int], width: int, height: int, evidence: Evidence = Evidence()
) -> list[Track]:
    """Link the faces of a video of width x height; the same faces give the same tracks.

    faces: of all frames, in their order, the skipped ones too; cuts: the frames that begin a scene, where tracks end.
    Gaps of up to 2 s are filled, and every track goes on at both ends, growing (core/video/tracking/filling.py).
    """
    tracks: list[Track] = []
    ordered = [one.in_order() for one in faces]
    for part in _scenes(ordered, cuts):
        scene = ordered[part]
        motion = None if evidence.fields is None else Motion(evidence.fields[part], (width, height))
        found = [Found(position, one.time_s, one.boxes, one.ranks) for position, one in enumerate(scene)]
        times = np.array([one.time_s for one in scene])
        for chain in association.chains(found, believe_weak=evidence.weak):
            filled = filling.filled(times, _sights(chain, scene), motion)
            begins = scene[0].frame
            tracks.append(_track(len(tracks) + 1, filled, begins, (width, height), sure=chain.rank == SURE))
    return tracks


def _scenes(faces: Sequence[FrameFaces], cuts: Collection[int]) -> Iterator[slice]:
    """Cut the frames where scenes begin."""
    begins = set(cuts)
    starts = [number for number, one in enumerate(faces) if one.frame in begins and number]
    yield from map(slice, [0, *starts], [*starts, len(faces)])


def _sights(chain: Chain, scene: Sequence[FrameFaces]) -> Sights:
    faces = [(scene[position], index) for position, index in zip(chain.positions, chain.indices, strict=True)]
    found = np.array([one.boxes[index] for one, index in faces], np.float64)
    scores = np.array([one.scores[index] for one, index in faces], np.float64)
    return Sights(np.array(chain.positions, np.intp), found, scores)


def _track(number: int, filled: Filled, begins: int, size: tuple[int, int], *, sure: bool) -> Track:
    """Make a track of boxes of a scene; begins: the number of its first frame."""
    placed = geometry.clip(filled.boxes.astype(np.float32), *size)
    # What was found stays as it was found.
    placed[filled.seen] = filled.boxes[filled.seen].astype(np.float32)
    there = filled.seen | ((placed[:, 2:] > placed[:, :2]).all(axis=1))
    frames = (begins + filled.positions[there]).astype(np.intp)
    confidences = filled.confidences[there].astype(np.float32)
    return Track(number, frames, placed[there], confidences, filled.seen[there], sure)


def interpolated_share(tracks: Iterable[Track]) -> float:
    """Return which share of all boxes was filled in: 0 to 1."""
    seen = np.concatenate([np.zeros(0, bool), *(track.seen for track in tracks)])
    return float(1 - seen.mean()) if len(seen) else 0.0


def lines(tracks: Iterable[Track], faces: Iterable[FrameFaces]) -> Iterator[str]:
    """Word the tracks as JSON Lines, without line ends: one for each frame, in the frames' order."""
    by_frame: dict[int, list[tuple[Track, int]]] = {}
    for track in tracks:
        for row, frame in enumerate(track.frames.tolist()):
            by_frame.setdefault(frame, []).append((track, row))
    for one in faces:
        worded = [_worded(track, row) for track, row in by_frame.pop(one.frame, [])]
        yield json.dumps({"frame": one.frame, "time_s": round(one.time_s, 6), "faces": worded})


def _worded(track: Track, row: int) -> dict[str, object]:
    return {
        "track_id": track.id,
        "bbox": {name: round(edge, 1) for name, edge in zip(EDGES, track.boxes[row].tolist(), strict=True)},
        "confidence": round(float(track.confidences[row]), 4),
        "seen": bool(track.seen[row]),
    }
