"""How what is seen moves from each frame to the next: small fields, by which a face that is not found is followed.

A head that turns away, or that the search misses while the camera pans, moves on with what is around it.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from core.video.tracking.overlaps import Values
from core.vision.masks import Pixels

Field = NDArray[np.int16]
Fields = NDArray[np.int16]

WIDTH = 240  # pixels of the picture in which motion is looked for; measured: 0.6 ms of a CPU a frame
# Cells of a field: width, height. chosen: one is about a face of 60 pixels in 960, and two hours of fields are 104 MB
CELLS = 16, 9
UNIT = 64  # of a field: so many are a pixel of that picture
SAMPLES = 4  # chosen: so many pixels each way are enough for the mean of one of that picture


class MotionMeter:
    """Measures the motion from each frame to the next. Not for several threads."""

    def __init__(self) -> None:
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._before: Pixels | None = None

    def measured(self, image: Pixels) -> Field:
        """Return how the frame before became this one, (height, width, 3) BGR: (9, 16, 2); of the first, no motion."""
        height, width = image.shape[:2]
        step = max(1, width // (SAMPLES * WIDTH))
        grey = cv2.cvtColor(np.ascontiguousarray(image[::step, ::step]), cv2.COLOR_BGR2GRAY)
        now = np.asarray(cv2.resize(grey, (WIDTH, max(16, round(WIDTH * height / width)))), np.uint8)
        before, self._before = self._before, now
        if before is None:
            return np.asarray(still(1)[0])
        flow = self._flow.calc(before, now, None)  # type: ignore[call-overload]  # None: an array of its own
        cells = cv2.resize(flow, CELLS, interpolation=cv2.INTER_AREA)
        return np.asarray(np.clip(np.rint(cells * UNIT), -32768, 32767), np.int16)


def still(count: int) -> Fields:
    """Return the fields of frames that nothing is known of, (n, 9, 16, 2)."""
    return np.zeros((count, CELLS[1], CELLS[0], 2), np.int16)


def carried(box: Values, fields: Fields, size: tuple[int, int]) -> Values:
    """Return where a box, (4,), is in each of the following frames, (n, 4), by the fields that lead to them, (n, …).

    size: width, height of the frames, in whose pixels boxes are.
    """
    width, height = size
    cells = np.array([CELLS[0] / width, CELLS[1] / height] * 2)
    pixels = width / WIDTH / UNIT
    moved, places = box.astype(np.float64), []
    for field in fields:
        left, top, right, bottom = np.clip((moved * cells).astype(int), 0, [CELLS[0] - 1, CELLS[1] - 1] * 2).tolist()
        within = field[top : bottom + 1, left : right + 1].reshape(-1, 2)
        moved = moved + np.tile(np.median(within, axis=0) * pixels, 2)
        places.append(moved)
    return np.array(places).reshape(-1, 4)
