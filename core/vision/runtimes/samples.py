"""Built-in photographs: what a network is calibrated on, and what its faces are compared on.

Two portraits in the public domain, in `samples/`: Eileen Collins (NASA) and Grace Hopper (US Navy).
"""

from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

FOLDER = Path(__file__).parent / "samples"
SIZE = 640  # of a calibration picture, a side
# measured, of three sets: the best AP; faces of 400 down to 10 pixels
SCALES = (640, 320, 160, 80, 48)


@cache
def portraits() -> tuple[Pixels, ...]:
    """Return the portraits, BGR, one face each."""
    return tuple(np.asarray(cv2.imread(str(path)), np.uint8) for path in sorted(FOLDER.glob("*.jpg")))


def calibration() -> list[Pixels]:
    """Return squares of `SIZE`, BGR, tiled with each portrait at several scales, as it is and mirrored."""
    squares = [_tiled(portrait, scale) for portrait in portraits() for scale in SCALES]
    return [view for square in squares for view in (square, np.ascontiguousarray(square[:, ::-1]))]


def group() -> Pixels:
    """Return one picture of `SIZE`, BGR, that holds both portraits at several sizes, faces of 30 to 250 pixels."""
    canvas = np.full((SIZE, SIZE, 3), 96, np.uint8)
    first, second = portraits()
    for portrait, left, top, side in (
        (first, 0, 0, 384),
        (second, 384, 0, 256),
        (second, 384, 320, 192),
        (first, 0, 400, 128),
        (second, 144, 400, 112),
        (first, 272, 400, 96),
    ):
        small = _resized(portrait, side)
        canvas[top : top + small.shape[0], left : left + small.shape[1]] = small
    return canvas


def _tiled(portrait: Pixels, side: int) -> Pixels:
    tile = _resized(portrait, side)
    rows, columns = -(-SIZE // tile.shape[0]), -(-SIZE // tile.shape[1])
    return np.ascontiguousarray(np.tile(tile, (rows, columns, 1))[:SIZE, :SIZE])


def _resized(portrait: Pixels, side: int) -> Pixels:
    """Bring the longer side to `side` pixels."""
    height, width = portrait.shape[:2]
    factor = side / max(height, width)
    return np.asarray(cv2.resize(portrait, (round(width * factor), round(height * factor))), np.uint8)
