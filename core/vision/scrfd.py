"""SCRFD: what its networks take and what they answer.

Guo et al., "Sample and Computation Redistribution for Efficient Face Detection" (arXiv:2105.04714); the numbers
are those of InsightFace's reference runner (github.com/deepinsight/insightface, detection/scrfd, MIT).
Outputs, each of shape (anchors, k), with or without a leading batch axis: the scores of strides 8, 16, 32 (k = 1),
then the distances from an anchor's centre to the box's left, top, right and bottom (k = 4), then, in models with
landmarks, five x y offsets (k = 10); distances and offsets are in units of the stride. The sigmoid is inside.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from core.vision.candidates import Candidates

STRIDES = (8, 16, 32)
ANCHORS = 2  # on every cell, both at the same centre


def blob(canvas: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Turn a BGR canvas, (height, width, 3), into the network's input, (1, 3, height, width) RGB around 0."""
    made = cv2.dnn.blobFromImage(canvas, 1 / 128, mean=(127.5, 127.5, 127.5), swapRB=True)
    return np.asarray(made, np.float32)


def has_landmarks(outputs: int) -> bool:
    """Tell from the number of outputs whether the model gives landmarks."""
    return outputs == 3 * len(STRIDES)


def decode(outputs: Sequence[NDArray[np.float32]], width: int, least: float) -> Candidates:
    """Read the candidates with a score of at least `least`, in pixels of the canvas that is `width` wide."""
    parts = [
        _level([o.reshape(o.shape[-2:]) for o in outputs[level :: len(STRIDES)]], width, stride, least)
        for level, stride in enumerate(STRIDES)
    ]
    return parts[0].joined(parts[1]).joined(parts[2])


def _level(outputs: list[NDArray[np.float32]], width: int, stride: int, least: float) -> Candidates:
    scores = outputs[0][:, 0]
    chosen = np.flatnonzero(scores >= least)
    row, column = np.divmod(chosen // ANCHORS, width // stride)
    centre = np.stack([column, row], axis=1).astype(np.float32) * stride
    reach = outputs[1][chosen] * stride
    found = np.hstack([centre - reach[:, :2], centre + reach[:, 2:]])
    landmarks = None
    if len(outputs) > 2:
        landmarks = centre[:, None] + outputs[2][chosen].reshape(-1, 5, 2) * stride
    return Candidates(found, scores[chosen], landmarks)
