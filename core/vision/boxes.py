"""Pure geometry of boxes: left, top, right, bottom, half-open, in pixels, float32 of shape (n, 4)."""

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float32]
Scores = NDArray[np.float32]
Regions = NDArray[np.intp]

MAX_PAIRS = 2**20  # chosen: compared at a time, in some 100 MB


def clip(boxes: Boxes, width: int, height: int) -> Boxes:
    """Cut boxes to a picture; one that lies outside becomes empty."""
    edges = np.array([width, height, width, height], np.float32)
    return np.clip(boxes, 0, edges).astype(np.float32)


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
        first, second = _overlapping(boxes, threshold)
        indices, others = np.concatenate([first, second]), np.concatenate([second, first])
        order = np.argsort(indices, kind="stable")
        self._others = others[order]
        starts = np.searchsorted(indices[order], np.arange(len(boxes) + 1))
        self._starts = starts.tolist()
        self.counts = np.diff(starts)

    def of(self, index: int) -> Regions:
        """Return the indices of the boxes that overlap this one, without itself."""
        return self._others[self._starts[index] : self._starts[index + 1]]


def nms(boxes: Boxes, scores: Scores, threshold: float) -> NDArray[np.intp]:
    """Greedy non-maximum suppression: return the remaining indices, by falling score.

    A box is suppressed when its IoU with a better one is above `threshold`.
    """
    neighbours = Neighbours(boxes, threshold)
    remaining = np.ones(len(boxes), bool)
    order = np.argsort(-scores, kind="stable")
    # Most boxes overlap no other, and need no turn of a loop.
    for index in order[neighbours.counts[order] > 0].tolist():
        if remaining[index]:
            remaining[neighbours.of(index)] = False
    return np.asarray(order[remaining[order]], np.intp)


def _overlapping(boxes: Boxes, threshold: float) -> tuple[Regions, Regions]:
    """Return the pairs of boxes with an IoU above a threshold, each once.

    Only boxes that share a column are compared: of a crowd's many small faces that is one in twenty or so.
    """
    order = np.argsort(boxes[:, 0], kind="stable")
    columns = boxes[order]
    left, top, right, bottom = np.ascontiguousarray(columns.T)
    ends = np.searchsorted(left, right)
    counts = np.maximum(ends - np.arange(len(boxes)) - 1, 0)
    firsts, seconds = [np.zeros(0, np.intp)], [np.zeros(0, np.intp)]
    for rows in np.split(np.arange(len(boxes)), _chunks(counts)):
        one = np.repeat(rows, counts[rows])
        offsets = np.arange(len(one)) - np.repeat(np.cumsum(counts[rows]) - counts[rows], counts[rows])
        other = one + 1 + offsets
        # Most share no row, and are gone before anything else is computed.
        shared = (top[one] < bottom[other]) & (top[other] < bottom[one])
        one, other = one[shared], other[shared]
        overlapping = _pairwise_iou(columns[one], columns[other]) > threshold
        firsts.append(order[one[overlapping]])
        seconds.append(order[other[overlapping]])
    return np.concatenate(firsts), np.concatenate(seconds)


def _chunks(counts: Regions) -> Regions:
    """Return where to cut rows of so many pairs each, so that no piece takes much memory."""
    return np.flatnonzero(np.diff(np.cumsum(counts) // MAX_PAIRS)) + 1


def _pairwise_iou(ones: Boxes, others: Boxes) -> NDArray[np.float32]:
    """Intersection over union of boxes pair by pair, (n, 4) with (n, 4)."""
    width = np.minimum(ones[:, 2], others[:, 2]) - np.maximum(ones[:, 0], others[:, 0])
    height = np.minimum(ones[:, 3], others[:, 3]) - np.maximum(ones[:, 1], others[:, 1])
    intersection = np.maximum(width, 0) * np.maximum(height, 0)
    union = _areas(ones) + _areas(others) - intersection
    return np.asarray(np.divide(intersection, union, out=np.zeros_like(intersection), where=union > 0), np.float32)


def _intersections(box: Boxes, others: Boxes) -> NDArray[np.float32]:
    width = np.minimum(box[2], others[:, 2]) - np.maximum(box[0], others[:, 0])
    height = np.minimum(box[3], others[:, 3]) - np.maximum(box[1], others[:, 1])
    return np.asarray(np.maximum(width, 0) * np.maximum(height, 0), np.float32)


def _areas(boxes: Boxes) -> NDArray[np.float32]:
    return np.asarray((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]), np.float32)
