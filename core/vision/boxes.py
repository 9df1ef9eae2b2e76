"""Pure geometry of boxes: left, top, right, bottom, half-open, in pixels, float32 of shape (n, 4)."""

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float32]
Scores = NDArray[np.float32]
Regions = NDArray[np.intp]


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


def nms(boxes: Boxes, scores: Scores, threshold: float) -> NDArray[np.intp]:
    """Greedy non-maximum suppression: return the indices that stay, by falling score.

    A box goes when its IoU with a better one is above `threshold`.
    """
    order = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while order.size:
        best, rest = order[0], order[1:]
        kept.append(int(best))
        order = rest[iou(boxes[best], boxes[rest]) <= threshold]
    return np.array(kept, np.intp)


def _shared(box: Boxes, others: Boxes) -> NDArray[np.float32]:
    width = np.minimum(box[2], others[:, 2]) - np.maximum(box[0], others[:, 0])
    height = np.minimum(box[3], others[:, 3]) - np.maximum(box[1], others[:, 1])
    return np.asarray(np.maximum(width, 0) * np.maximum(height, 0), np.float32)


def _areas(found: Boxes) -> NDArray[np.float32]:
    return np.asarray((found[:, 2] - found[:, 0]) * (found[:, 3] - found[:, 1]), np.float32)
