"""SCRFD: the input and the outputs of its networks.

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
from core.vision.runtimes.networks import Blob

STRIDES = (8, 16, 32)
MEAN, SCALE = 127.5, 1 / 128
ANCHORS = 2  # on every cell, both at the same centre


def blob(canvas: NDArray[np.uint8], out: Blob | None = None) -> Blob:
    """Turn a BGR canvas, (height, width, 3), into the network's input, (1, 3, height, width) RGB around 0."""
    made = np.empty((1, 3, *canvas.shape[:2]), np.float32) if out is None else out
    for plane, place in zip(cv2.split(canvas), made[0, ::-1], strict=True):
        # measured: an eighth of the time of cv2.dnn.blobFromImage, which maps new memory twice
        cv2.addWeighted(plane, SCALE, plane, 0, -MEAN * SCALE, place, cv2.CV_32F)
    return made


def has_landmarks(outputs: int) -> bool:
    """Return whether a model with so many outputs gives landmarks."""
    return outputs == 3 * len(STRIDES)


def decode(outputs: Sequence[NDArray[np.float32]], width: int, min_score: float) -> Candidates:
    """Read the candidates with a score of at least `min_score`, in pixels of the canvas that is `width` wide."""
    parts = [
        _level([o.reshape(o.shape[-2:]) for o in outputs[level :: len(STRIDES)]], width, stride, min_score)
        for level, stride in enumerate(STRIDES)
    ]
    return parts[0].joined(parts[1]).joined(parts[2])


def _level(outputs: list[NDArray[np.float32]], width: int, stride: int, min_score: float) -> Candidates:
    scores = outputs[0][:, 0]
    (indices,) = (scores >= min_score).nonzero()
    row, column = np.divmod(indices // ANCHORS, width // stride)
    centre = np.empty((len(indices), 2), np.float32)
    centre[:, 0], centre[:, 1] = column, row
    centre *= stride
    boxes = outputs[1][indices] * stride
    np.subtract(centre, boxes[:, :2], boxes[:, :2])
    boxes[:, 2:] += centre
    landmarks = None
    if len(outputs) > 2:
        landmarks = centre[:, None] + outputs[2][indices].reshape(-1, 5, 2) * stride
    return Candidates(boxes, scores[indices], landmarks)
