"""CenterFace: the input and the outputs of its network.

Xu et al., "CenterFace: Joint Face Detection and Alignment Using Face as Point" (arXiv:1911.03599); the numbers are
those of its reference runner (github.com/Star-Clouds/CenterFace, MIT).
Outputs at stride 4: a heatmap (1, 1, h, w), the logarithm of the size as height, width (1, 2, h, w), the offset of
the centre as y, x (1, 2, h, w), and five landmarks as y, x in units of the size (1, 10, h, w).
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from core.vision.candidates import Candidates
from core.vision.runtimes.networks import Blob

STRIDE = 4
MEAN, SCALE = 0.0, 1.0


def blob(canvas: NDArray[np.uint8], out: Blob | None = None) -> Blob:
    """Turn a BGR canvas, (height, width, 3), into the network's input, (1, 3, height, width) RGB of 0 to 255."""
    made = np.empty((1, 3, *canvas.shape[:2]), np.float32) if out is None else out
    for plane, place in zip(cv2.split(canvas), made[0, ::-1], strict=True):
        np.copyto(place, plane)
    return made


def has_landmarks(outputs: int) -> bool:
    """Return whether a model with so many outputs gives landmarks."""
    return outputs == 4


def decode(outputs: Sequence[NDArray[np.float32]], width: int, min_score: float) -> Candidates:
    """Read the candidates with a score of at least `min_score`, in pixels of the canvas that is `width` wide."""
    heatmap, scale, offset, landmarks = (np.asarray(o[0]) for o in outputs)
    row, column = np.nonzero(heatmap[0] >= min_score)
    sizes = np.exp(scale[:, row, column].T) * STRIDE
    # The half cell: a heatmap's cell stands for the middle of its four pixels.
    centre = (np.stack([row, column], axis=1) + offset[:, row, column].T + 0.5) * STRIDE
    top_left = centre - sizes / 2
    boxes = np.hstack([top_left, top_left + sizes])[:, [1, 0, 3, 2]].astype(np.float32)
    points = landmarks[:, row, column].T.reshape(-1, 5, 2) * sizes[:, None] + top_left[:, None]
    return Candidates(boxes, heatmap[0, row, column], points[..., ::-1].astype(np.float32))
