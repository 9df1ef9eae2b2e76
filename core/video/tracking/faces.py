"""The faces that were found in a video, before they are linked: flat arrays, 21 bytes a face, whatever its length."""

from array import array
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from core.errors import VideoTooLarge
from core.video.tracking.overlaps import Values
from core.vision.boxes import Boxes, Scores

Flags = NDArray[np.bool_]
Numbers = NDArray[np.int64]
Ranks = NDArray[np.int8]

SURE, DOUBTFUL, WEAK = range(3)  # ranks of a face; a weak one counts only where a chain of better ones leads to it
# The most faces in all frames of a video, and the most boxes of all its tracks. measured: tests/core/video/
# test_memory.py, 50 bytes for each, so a worker needs 1 GB; two hours with 100 faces in each frame have 18 million
MAX_BOXES = 20_000_000


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
    def ranks(self) -> Ranks:
        """How much each face counts: SURE, DOUBTFUL or WEAK."""
        likely = np.ones(len(self.scores), bool) if self.masked is None else self.masked
        return np.where(self.sure, SURE, np.where(likely, DOUBTFUL, WEAK)).astype(np.int8)


@dataclass(frozen=True)
class Found:
    """The faces of one frame of a scene. first: the row of the first of them; boxes: (n, 4); ranks: (n,)."""

    time_s: float
    first: int
    boxes: Boxes
    ranks: Ranks


@dataclass(frozen=True)
class Scene:
    """Frames without a cut between them, and their faces, one row for each.

    frames: (n,), their numbers; times: (n,), in seconds; firsts: (n + 1,), the row of each frame's first face, and how
    many rows there are; boxes: (m, 4); scores, ranks: (m,).
    """

    frames: Numbers
    times: Values
    firsts: Numbers
    boxes: Boxes
    scores: Scores
    ranks: Ranks

    def each(self) -> Iterator[Found]:
        """Yield the frames with their faces."""
        bounds = self.firsts.tolist()
        for time_s, first, end in zip(self.times.tolist(), bounds, bounds[1:], strict=False):
            yield Found(time_s, first, self.boxes[first:end], self.ranks[first:end])

    def positions(self, rows: NDArray[np.integer]) -> NDArray[np.intp]:
        """Return in which frame of the scene each of these faces is."""
        return np.asarray(np.searchsorted(self.firsts, rows, side="right") - 1, np.intp)


class FoundFaces:
    """The faces of a video's frames. VideoTooLarge where they are more than can be linked."""

    def __init__(self) -> None:
        self._frames, self._times, self._firsts = array("q"), array("d"), array("q", [0])
        self._boxes, self._scores, self._ranks = array("f"), array("f"), array("b")

    @classmethod
    def of(cls, faces: "FoundFaces | Iterable[FrameFaces]") -> "FoundFaces":
        """Return them as they are, or made of those of all frames, in their order."""
        if isinstance(faces, FoundFaces):
            return faces
        found = cls()
        for one in faces:
            found.add(one)
        return found

    def __len__(self) -> int:
        """Return of how many frames they are."""
        return len(self._frames)

    def add(self, unordered: FrameFaces) -> Self:
        """Add those of the next frame, also of one that was skipped."""
        one = unordered.in_order()
        self._frames.append(one.frame)
        self._times.append(one.time_s)
        self._boxes.frombytes(one.boxes.astype(np.float32).tobytes())
        self._scores.frombytes(one.scores.astype(np.float32).tobytes())
        self._ranks.frombytes(one.ranks.tobytes())
        self._firsts.append(len(self._scores))
        checked(len(self._scores))
        return self

    def moments(self) -> Iterator[tuple[int, float]]:
        """Yield the number of each frame, and its time in seconds."""
        yield from zip(self._frames, self._times, strict=True)

    def scenes(self, cuts: Collection[int]) -> Iterator[Scene]:
        """Yield the scenes. cuts: the numbers of the frames that begin one."""
        frames, times = np.frombuffer(self._frames, np.int64), np.frombuffer(self._times, np.float64)
        firsts = np.frombuffer(self._firsts, np.int64)
        boxes = np.frombuffer(self._boxes, np.float32).reshape(-1, 4)
        scores, ranks = np.frombuffer(self._scores, np.float32), np.frombuffer(self._ranks, np.int8)
        starts = [0, *(np.flatnonzero(np.isin(frames[1:], list(cuts))) + 1).tolist()]
        for start, end in zip(starts, [*starts[1:], len(frames)], strict=True):
            rows = slice(*firsts[[start, end]].tolist())
            yield Scene(
                frames[start:end],
                times[start:end],
                firsts[start : end + 1] - rows.start,
                boxes[rows],
                scores[rows],
                ranks[rows],
            )


def checked(boxes: int) -> None:
    """Judge how many faces, or boxes of tracks, a video has."""
    if boxes > MAX_BOXES:
        raise VideoTooLarge(f"the video shows more faces than can be followed: {MAX_BOXES:,} in all frames")
