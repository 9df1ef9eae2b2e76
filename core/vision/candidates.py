"""Candidate faces as a network outputs them, many at a time: before they are fused."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from core.contract.reports import Face
from core.vision.boxes import Boxes, Scores, clip, nms


@dataclass(frozen=True)
class Candidates:
    """n possible faces. boxes: (n, 4); scores: (n,); landmarks: (n, 5, 2) x y, or None; all float32."""

    boxes: Boxes
    scores: Scores
    landmarks: NDArray[np.float32] | None

    def __len__(self) -> int:
        return len(self.scores)

    def take(self, which: NDArray[np.intp] | NDArray[np.bool_]) -> Self:
        """Select some, by index or by mask."""
        landmarks = None if self.landmarks is None else self.landmarks[which]
        return type(self)(self.boxes[which], self.scores[which], landmarks)

    def placed(self, factors: NDArray[np.float32], offsets: NDArray[np.float32]) -> Self:
        """Multiply every coordinate, then add to it: x and y, shape (2,), or of each candidate, shape (n, 2)."""
        factors, offsets = factors.reshape(-1, 1, 2), offsets.reshape(-1, 1, 2)
        landmarks = None if self.landmarks is None else self.landmarks * factors + offsets
        return type(self)((self.boxes.reshape(-1, 2, 2) * factors + offsets).reshape(-1, 4), self.scores, landmarks)

    def joined(self, other: Self) -> Self:
        """Put two sets from the same model into one."""
        landmarks = None
        if self.landmarks is not None and other.landmarks is not None:
            landmarks = np.concatenate([self.landmarks, other.landmarks])
        boxes = np.concatenate([self.boxes, other.boxes])
        return type(self)(boxes, np.concatenate([self.scores, other.scores]), landmarks)

    def distinct(self, nms_threshold: float) -> Self:
        """Keep the best of each cluster of overlapping boxes, by falling score."""
        return self.take(nms(self.boxes, self.scores, nms_threshold))

    def clipped(self, width: int, height: int) -> Self:
        """Cut boxes to the picture and drop what lies outside of it."""
        clipped = type(self)(clip(self.boxes, width, height), self.scores, self.landmarks)
        return clipped.take((clipped.boxes[:, 2] > clipped.boxes[:, 0]) & (clipped.boxes[:, 3] > clipped.boxes[:, 1]))

    def faces(self) -> tuple[Face, ...]:
        """Return them as plain values, in this order."""
        points = [None] * len(self) if self.landmarks is None else self.landmarks.tolist()
        rows = zip(self.boxes.tolist(), self.scores.tolist(), points, strict=True)
        return tuple(Face(box=box, confidence=score, landmarks=marks) for box, score, marks in rows)
