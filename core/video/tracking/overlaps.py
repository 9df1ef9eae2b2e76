"""How much boxes of two frames overlap, enlarged, and which belong together."""

import numpy as np
from numpy.typing import NDArray

from core.vision.boxes import Boxes

Values = NDArray[np.float64]

# Boxes grow by this share of their size on every side before they are compared. chosen: boxes that only touch then
# overlap by a third
BUFFER = 0.5


def of(ones: Values, others: Boxes) -> Values:
    """Return the IoU of each of the first boxes with each of the others, all enlarged by BUFFER: (m, n)."""
    one, other = _enlarged(ones)[:, None], _enlarged(others.astype(np.float64))[None]
    sides = np.minimum(one[..., 2:], other[..., 2:]) - np.maximum(one[..., :2], other[..., :2])
    shared = np.maximum(sides, 0).prod(axis=-1)
    union = _areas(one) + _areas(other) - shared
    return np.asarray(np.divide(shared, union, out=np.zeros_like(shared), where=union > 0))


def _enlarged(boxes: Values) -> Values:
    margins = BUFFER * (boxes[:, 2:] - boxes[:, :2])
    return np.hstack([boxes[:, :2] - margins, boxes[:, 2:] + margins])


def _areas(boxes: Values) -> Values:
    return np.asarray((boxes[..., 2:] - boxes[..., :2]).prod(axis=-1))


def pairs(overlaps: Values, least: float) -> list[tuple[int, int]]:
    """Return pairs (row, column) of at least so much overlap, the largest first, each row and column once."""
    rows, columns = np.nonzero(overlaps >= least)
    order = np.argsort(-overlaps[rows, columns], kind="stable")
    found: dict[int, int] = {}
    for row, column in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
        if row not in found and column not in found.values():
            found[row] = column
    return list(found.items())
