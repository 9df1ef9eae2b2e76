"""Candidate faces as a network outputs them, many at a time: before they are fused."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from core.contract.reports import Face
from core.vision.boxes import Boxes, Neighbours, Scores, clip, nms, suppress


@dataclass(frozen=True)
class Candidates:
    """n possible faces. boxes: (n, 4); scores: (n,); landmarks: (n, 5, 2) x y, or None; all float32.

    support: (n,); how many boxes a pass has put where this one is, each counted by its score, as a share of what a
    face of that size commonly gets; None where unknown.
    """

    boxes: Boxes
    scores: Scores
    landmarks: NDArray[np.float32] | None
    support: Scores | None = None

    def __len__(self) -> int:
        return len(self.scores)

    def take(self, which: NDArray[np.intp] | NDArray[np.bool_]) -> Self:
        """Select some, by index or by mask."""
        landmarks = None if self.landmarks is None else self.landmarks[which]
        support = None if self.support is None else self.support[which]
        return type(self)(self.boxes[which], self.scores[which], landmarks, support)

    def placed(self, factors: NDArray[np.float32], offsets: NDArray[np.float32]) -> Self:
        """Multiply every coordinate, then add to it: x and y, shape (2,), or of each candidate, shape (n, 2)."""
        factors, offsets = factors.reshape(-1, 1, 2), offsets.reshape(-1, 1, 2)
        landmarks = None if self.landmarks is None else self.landmarks * factors + offsets
        boxes = (self.boxes.reshape(-1, 2, 2) * factors + offsets).reshape(-1, 4)
        return type(self)(boxes, self.scores, landmarks, self.support)

    def joined(self, other: Self) -> Self:
        """Put two sets from the same model into one."""
        if not (len(self) and len(other)) and (self.support is None) == (other.support is None):
            return self if len(self) else other
        landmarks = None
        if self.landmarks is not None and other.landmarks is not None:
            landmarks = np.concatenate([self.landmarks, other.landmarks])
        support = None
        if self.support is not None and other.support is not None:
            support = np.concatenate([self.support, other.support])
        boxes = np.concatenate([self.boxes, other.boxes])
        return type(self)(boxes, np.concatenate([self.scores, other.scores]), landmarks, support)

    def distinct(self, nms_threshold: float) -> Self:
        """Keep the best of each cluster of overlapping boxes, by falling score."""
        return self.take(nms(self.boxes, self.scores, nms_threshold))

    def supported(self, nms_threshold: float, least: float, common: Scores) -> Self:
        """Do as `distinct`; what remains has the support of the overlapping ones with at least this score.

        common: (n,); the sum of scores where there is a face of each one's size.
        """
        neighbours = Neighbours(self.boxes, nms_threshold)
        sums = self.scores + neighbours.sums(np.where(self.scores >= least, self.scores, 0))
        supported = type(self)(self.boxes, self.scores, self.landmarks, sums / common)
        return supported.take(suppress(neighbours, self.scores))

    def clipped(self, width: int, height: int) -> Self:
        """Cut boxes to the picture and drop what lies outside of it."""
        boxes = clip(self.boxes, width, height)
        inside = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
        return type(self)(boxes, self.scores, self.landmarks, self.support).take(inside)

    def faces(self) -> tuple[Face, ...]:
        """Return them as plain values, in this order."""
        unknown = [None] * len(self)
        points = unknown if self.landmarks is None else self.landmarks.tolist()
        support = unknown if self.support is None else self.support.tolist()
        rows = zip(self.boxes.tolist(), self.scores.tolist(), points, support, strict=True)
        return tuple(Face(box=box, confidence=score, landmarks=marks, support=sum_) for box, score, marks, sum_ in rows)
