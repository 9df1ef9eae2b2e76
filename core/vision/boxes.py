"""Pure geometry of boxes: left, top, right, bottom, half-open, in pixels, float32 of shape (n, 4)."""

import itertools

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float32]
Scores = NDArray[np.float32]
Regions = NDArray[np.intp]

NONE: Regions = np.empty(0, np.intp)
MAX_PAIRS = 2**20  # chosen: compared at a time, in some 100 MB


def clip(boxes: Boxes, width: int, height: int) -> Boxes:
    """Cut boxes to a picture; one that lies outside becomes empty."""
    edges = np.array([width, height, width, height], np.float32)
    return np.asarray(np.minimum(np.maximum(boxes, 0), edges), np.float32)


def longer_sides(boxes: Boxes) -> NDArray[np.float32]:
    """Return the longer side of each box, shape (n,)."""
    return np.asarray(np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]), np.float32)


def iou(box: Boxes, others: Boxes) -> NDArray[np.float32]:
    """Intersection over union of one box, shape (4,), with each of the others, shape (n, 4)."""
    intersection = _intersections(box, others)
    union = _areas(box[None])[0] + _areas(others) - intersection
    ratio = np.divide(intersection, union, out=np.zeros_like(intersection), where=union > 0)
    return np.asarray(ratio, np.float32)


def containment(box: Boxes, others: Boxes) -> NDArray[np.float32]:
    """Return how much of each of the others, shape (n, 4), lies inside one box, shape (4,)."""
    intersection, area = _intersections(box, others), _areas(others)
    ratio = np.divide(intersection, area, out=np.zeros_like(intersection), where=area > 0)
    return np.asarray(ratio, np.float32)


class Neighbours:
    """Which boxes overlap each other by an IoU above a threshold; queried for one box at a time.

    counts: how many do, by box.
    """

    def __init__(self, boxes: Boxes, threshold: float) -> None:
        first, second = _overlapping(boxes, threshold) if len(boxes) > 1 else (NONE, NONE)
        if not len(first):
            self._others, self.counts = NONE, np.zeros(len(boxes), np.intp)
            self._ends = self.counts
            return
        indices = np.concatenate([first, second])
        self._others = np.concatenate([second, first])[np.argsort(indices, kind="stable")]
        self.counts = np.bincount(indices, minlength=len(boxes))
        self._ends = self.counts.cumsum()

    def of(self, index: int) -> list[int]:
        """Return the indices of the boxes that overlap this one, without itself."""
        end = self._ends[index]
        found: list[int] = self._others[end - self.counts[index] : end].tolist()
        return found

    def sums(self, values: Scores) -> Scores:
        """Add up a value of each box's neighbours, shape (n,)."""
        ends = np.concatenate([[0.0], values[self._others].astype(np.float64).cumsum()])
        return np.asarray(ends[self._ends] - ends[self._ends - self.counts], np.float32)


def nms(boxes: Boxes, scores: Scores, threshold: float) -> NDArray[np.intp]:
    """Greedy non-maximum suppression: return the remaining indices, by falling score.

    A box is suppressed when its IoU with a better one is above `threshold`.
    """
    return suppress(Neighbours(boxes, threshold), scores)


def suppress(neighbours: Neighbours, scores: Scores) -> NDArray[np.intp]:
    """Return what remains of boxes of which a better one suppresses its neighbours, by falling score."""
    remaining = bytearray(b"\1") * len(scores)
    order = np.argsort(-scores, kind="stable")
    # Most boxes overlap no other, and need no turn of a loop.
    for index in order[neighbours.counts[order] > 0].tolist():
        if remaining[index]:
            for other in neighbours.of(index):
                remaining[other] = 0
    return np.asarray(order[np.frombuffer(remaining, bool)[order]], np.intp)


def _overlapping(boxes: Boxes, threshold: float) -> tuple[Regions, Regions]:
    """Return the pairs of boxes with an IoU above a threshold, each once.

    Only boxes that share a column are compared: of a crowd's many small faces that is one in twenty or so.
    """
    order = np.argsort(boxes[:, 0], kind="stable")
    columns = boxes[order]
    left, top, right, bottom = np.ascontiguousarray(columns.T)
    areas, numbers = _areas(columns), np.arange(len(boxes))
    counts = np.maximum(np.searchsorted(left, right) - numbers - 1, 0)
    firsts, seconds = [], []
    for start, end in itertools.pairwise(_chunks(counts)):
        number, count = numbers[start:end], counts[start:end]
        one = np.repeat(number, count)
        other = np.repeat(number + 1 + count - count.cumsum(), count) + np.arange(len(one))
        # Most share no row, and are gone before anything else is computed.
        (shared,) = ((top[one] < bottom[other]) & (top[other] < bottom[one])).nonzero()
        one, other = one[shared], other[shared]
        width = np.minimum(right[one], right[other]) - left[other]
        height = np.minimum(bottom[one], bottom[other]) - np.maximum(top[one], top[other])
        intersection = np.maximum(width, 0) * np.maximum(height, 0)
        union = areas[one] + areas[other] - intersection
        ratio = np.divide(intersection, union, out=np.zeros_like(intersection), where=union > 0)
        (overlapping,) = (ratio > threshold).nonzero()
        firsts.append(order[one[overlapping]])
        seconds.append(order[other[overlapping]])
    return np.concatenate(firsts), np.concatenate(seconds)


def _chunks(counts: Regions) -> list[int]:
    """Return where to cut rows of so many pairs each, with both ends, so that no piece takes much memory."""
    pairs = counts.cumsum()
    inner = [] if counts.sum() <= MAX_PAIRS else (np.flatnonzero(np.diff(pairs // MAX_PAIRS)) + 1).tolist()
    return [0, *inner, len(counts)]


def _intersections(box: Boxes, others: Boxes) -> NDArray[np.float32]:
    width = np.minimum(box[2], others[:, 2]) - np.maximum(box[0], others[:, 0])
    height = np.minimum(box[3], others[:, 3]) - np.maximum(box[1], others[:, 1])
    return np.asarray(np.maximum(width, 0) * np.maximum(height, 0), np.float32)


def _areas(boxes: Boxes) -> NDArray[np.float32]:
    return np.asarray((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]), np.float32)
