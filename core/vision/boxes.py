"""Pure geometry of boxes: left, top, right, bottom, half-open, in pixels, float32 of shape (n, 4)."""

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float32]
Scores = NDArray[np.float32]
Regions = NDArray[np.intp]

MOST_PAIRS = 2**20  # chosen: compared at a time, in some 100 MB


def clip(boxes: Boxes, width: int, height: int) -> Boxes:
    """Cut boxes to a picture; one that lies outside becomes empty."""
    edges = np.array([width, height, width, height], np.float32)
    return np.clip(boxes, 0, edges).astype(np.float32)


def iou(box: Boxes, others: Boxes) -> NDArray[np.float32]:
    """Intersection over union of one box, shape (4,), with each of the others, shape (n, 4)."""
    both = _shared(box, others)
    union = _areas(box[None])[0] + _areas(others) - both
    ratio = np.divide(both, union, out=np.zeros_like(both), where=union > 0)
    return np.asarray(ratio, np.float32)


def covered(box: Boxes, others: Boxes) -> NDArray[np.float32]:
    """Return how much of each of the others, shape (n, 4), lies inside one box, shape (4,)."""
    both, area = _shared(box, others), _areas(others)
    ratio = np.divide(both, area, out=np.zeros_like(both), where=area > 0)
    return np.asarray(ratio, np.float32)


class Neighbours:
    """Which boxes overlap each other by an IoU above a threshold; asked for one box at a time."""

    def __init__(self, found: Boxes, threshold: float) -> None:
        first, second = _overlapping(found, threshold)
        both, others = np.concatenate([first, second]), np.concatenate([second, first])
        order = np.argsort(both, kind="stable")
        self._others = others[order]
        self._starts = np.searchsorted(both[order], np.arange(len(found) + 1)).tolist()

    def of(self, index: int) -> Regions:
        """Return the indices of the boxes that overlap this one, without itself."""
        return self._others[self._starts[index] : self._starts[index + 1]]


def nms(boxes: Boxes, scores: Scores, threshold: float) -> NDArray[np.intp]:
    """Greedy non-maximum suppression: return the indices that stay, by falling score.

    A box goes when its IoU with a better one is above `threshold`.
    """
    neighbours = Neighbours(boxes, threshold)
    waiting = np.ones(len(boxes), bool)
    kept: list[int] = []
    for index in np.argsort(-scores, kind="stable").tolist():
        if waiting[index]:
            kept.append(index)
            waiting[neighbours.of(index)] = False
    return np.array(kept, np.intp)


def _overlapping(found: Boxes, threshold: float) -> tuple[Regions, Regions]:
    """Return the pairs of boxes with an IoU above a threshold, each once.

    Only boxes that share a column are compared: of a crowd's many small faces that is one in twenty or so.
    """
    order = np.argsort(found[:, 0], kind="stable")
    columns = found[order]
    left, top, right, bottom = np.ascontiguousarray(columns.T)
    ends = np.searchsorted(left, right)
    counts = np.maximum(ends - np.arange(len(found)) - 1, 0)
    firsts, seconds = [np.zeros(0, np.intp)], [np.zeros(0, np.intp)]
    for rows in np.split(np.arange(len(found)), _chunks(counts)):
        one = np.repeat(rows, counts[rows])
        places = np.arange(len(one)) - np.repeat(np.cumsum(counts[rows]) - counts[rows], counts[rows])
        other = one + 1 + places
        # Most share no row, and are gone before anything else is computed.
        shared = (top[one] < bottom[other]) & (top[other] < bottom[one])
        one, other = one[shared], other[shared]
        near = _ious(columns[one], columns[other]) > threshold
        firsts.append(order[one[near]])
        seconds.append(order[other[near]])
    return np.concatenate(firsts), np.concatenate(seconds)


def _chunks(counts: Regions) -> Regions:
    """Return where to cut rows of so many pairs each, so that no piece takes much memory."""
    return np.flatnonzero(np.diff(np.cumsum(counts) // MOST_PAIRS)) + 1


def _ious(ones: Boxes, others: Boxes) -> NDArray[np.float32]:
    """Intersection over union of boxes pair by pair, (n, 4) with (n, 4)."""
    width = np.minimum(ones[:, 2], others[:, 2]) - np.maximum(ones[:, 0], others[:, 0])
    height = np.minimum(ones[:, 3], others[:, 3]) - np.maximum(ones[:, 1], others[:, 1])
    both = np.maximum(width, 0) * np.maximum(height, 0)
    union = _areas(ones) + _areas(others) - both
    return np.asarray(np.divide(both, union, out=np.zeros_like(both), where=union > 0), np.float32)


def _shared(box: Boxes, others: Boxes) -> NDArray[np.float32]:
    width = np.minimum(box[2], others[:, 2]) - np.maximum(box[0], others[:, 0])
    height = np.minimum(box[3], others[:, 3]) - np.maximum(box[1], others[:, 1])
    return np.asarray(np.maximum(width, 0) * np.maximum(height, 0), np.float32)


def _areas(found: Boxes) -> NDArray[np.float32]:
    return np.asarray((found[:, 2] - found[:, 0]) * (found[:, 3] - found[:, 1]), np.float32)
