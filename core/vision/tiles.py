"""Tiles: a picture that is too large for one pass is cut into parts that overlap."""

import math
from dataclasses import dataclass

import numpy as np

from core.vision.runtimes.networks import CELL

# Pixels of the network's input. chosen: a pass takes at most 150 MB in int8
MOST_PIXELS = 2048 * 2048
# A face up to the overlap is whole in one tile or another. chosen: 192 pixels at most, and no more than a 25th of the
# whole input, because a pass at 640 sees what is larger; half as much where another level is near, which sees that
OVERLAP, OVERLAP_SHARE = 192, 1 / 25
CLOSE_OVERLAP = 96

Area = tuple[int, int, int, int]


@dataclass(frozen=True)
class Grid:
    """How a picture is cut. size: its width and height in pixels; scale: pixels of the input for one of the picture.

    overlap: in pixels of the input; across, down: the number of tiles.
    """

    size: tuple[int, int]
    scale: float
    overlap: float
    across: int
    down: int

    @property
    def areas(self) -> list[Area]:
        """Left, top, right, bottom of each tile in the picture."""
        width, height = self.size
        overlap = self.overlap / self.scale
        rows, columns = _cuts(height, self.down, overlap), _cuts(width, self.across, overlap)
        return [(left, top, right, bottom) for top, bottom in rows for left, right in columns]

    @property
    def pixels(self) -> int:
        """How many pixels the network is shown of all tiles, with those that fill its cells."""
        pieces = zip(self.size, (self.across, self.down), strict=True)
        cells = [math.ceil(_piece(length * self.scale, count, self.overlap) / CELL) for length, count in pieces]
        return self.across * self.down * cells[0] * cells[1] * CELL**2


def grid(width: int, height: int, scale: float, most_overlap: float = OVERLAP) -> Grid:
    """Return how a picture of width x height is cut with the least work; scale: pixels of the input for one of it."""
    wide, high = width * scale, height * scale
    overlap = min(most_overlap, OVERLAP_SHARE * max(wide, high))
    best = math.inf, 1, 1
    for across in range(1, math.ceil(2 * wide / math.sqrt(MOST_PIXELS)) + 2):
        room = MOST_PIXELS / _piece(wide, across, overlap)  # for the height of a tile
        if high > room <= overlap:
            continue
        down = math.ceil((high - overlap) / (room - overlap)) if high > room else 1
        work = _piece(wide, across, overlap) * across * _piece(high, down, overlap) * down
        best = min(best, (work, across, down))
    return Grid((width, height), scale, overlap, *best[1:])


def _piece(length: float, pieces: int, overlap: float) -> float:
    return (length + (pieces - 1) * overlap) / pieces


def _cuts(length: int, pieces: int, overlap: float) -> list[tuple[int, int]]:
    """Cut a side into equal pieces that overlap."""
    piece = min(length, math.ceil(_piece(length, pieces, overlap)))
    starts = np.linspace(0, length - piece, pieces).round().astype(int).tolist()
    return [(start, start + piece) for start in starts]
