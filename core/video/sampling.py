"""Which frames of a video are searched: where nothing moves, few.

Between two searched frames, faces are filled in as where the search has missed them (core/video/tracking/filling.py).
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from core.vision.masks import Pixels

Cells = NDArray[np.int16]

# Frames are compared in cells, so many across the longer side. chosen: in 1080p of 8 pixels, a quarter of a small face
CELLS = 240
SAMPLES = 4  # chosen: so many pixels each way are enough for the mean of a cell
# Grey levels by which a cell that shows something else differs. chosen: coding and a sensor's noise change the mean of
# a cell by 1 to 3, a face whose edge moves by two pixels by 10 and more
CHANGED = 8
# The longest that a still picture is not searched. chosen: less than tracks go on before their first sight
MOST_S = 0.25


class FrameSampler:
    """Chooses the frames to search, one after the other: of those, every `stride`-th where something has changed."""

    def __init__(self, stride: int) -> None:
        self._stride = stride
        self._searched: Cells | None = None
        self._searched_s = 0.0
        self._frames = 0

    def due(self, image: Pixels, time_s: float) -> bool:
        """Return whether a frame, (height, width, 3) BGR, is to be searched; the first always is."""
        self._frames += 1
        if self._searched is not None and self._frames < self._stride:
            return False
        cells, searched = _cells(image), self._searched
        if searched is not None and self._still(cells, searched, time_s):
            return False
        self._searched, self._searched_s, self._frames = cells, time_s, 0
        return True

    def _still(self, cells: Cells, searched: Cells, time_s: float) -> bool:
        recent = time_s - self._searched_s < MOST_S
        return recent and int(np.abs(cells - searched).max()) < CHANGED


def _cells(image: Pixels) -> Cells:
    """Return the grey means of the cells of a frame."""
    height, width = image.shape[:2]
    factor = max(1.0, max(width, height) / CELLS)
    step = max(1, int(factor / SAMPLES))
    grey = cv2.cvtColor(np.ascontiguousarray(image[::step, ::step]), cv2.COLOR_BGR2GRAY)
    size = max(1, round(width / factor)), max(1, round(height / factor))
    return cv2.resize(grey, size, interpolation=cv2.INTER_AREA).astype(np.int16)
