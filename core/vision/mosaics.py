"""Parts of a picture, each at a scale of its own, side by side on one canvas: many are searched in one small pass."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from core.vision import tiles
from core.vision.candidates import Candidates
from core.vision.passes import CUT_MARGIN, Pixels
from core.vision.regions import Region

SIDE = 640  # of a mosaic, at most; chosen: as large as a main pass
GAP = 8  # chosen: pixels between two parts
# The longer side of a face on the mosaic. measured (WIDER FACE): from 64 pixels on faces are found best; a coarse
# look on top, because what a mask leaves can look like a face from afar only
FINE, COARSE = 68, 30
# Of the face's side, around a region on each side; a face alone is found less well. measured, faces of 54 pictures,
# unmasked: of 576 sure ones 559 are found again with 0.8, 556 with 0.5, for 0.7 times the work
CONTEXT = 0.5
MIN_CONTEXT = 16  # chosen: pixels of the mosaic


@dataclass(frozen=True)
class Part:
    """A part of the picture. area: left, top, right, bottom in its pixels; scale: pixels of the mosaic for one of the
    picture; left, top: where it lies on the mosaic."""

    area: tuple[int, int, int, int]
    scale: float
    left: int = 0
    top: int = 0

    @cached_property
    def width(self) -> int:
        return max(1, round((self.area[2] - self.area[0]) * self.scale))

    @cached_property
    def height(self) -> int:
        return max(1, round((self.area[3] - self.area[1]) * self.scale))


@dataclass(frozen=True)
class Mosaic:
    """Parts of a picture of `size` (width, height) that don't overlap on the canvas."""

    size: tuple[int, int]
    parts: tuple[Part, ...]

    def compose(self, pixels: Pixels) -> Pixels:
        """Draw the parts of a BGR picture on a black canvas."""
        shape = max(part.top + part.height for part in self.parts), max(part.left + part.width for part in self.parts)
        canvas = np.zeros((*shape, 3), np.uint8)
        for part in self.parts:
            left, top, right, bottom = part.area
            place = canvas[part.top : part.top + part.height, part.left : part.left + part.width]
            cv2.resize(pixels[top:bottom, left:right], (part.width, part.height), place)
        return canvas

    def to_picture(self, found: Candidates) -> Candidates:
        """Bring candidates from the canvas into the picture; what a part's edge cuts through is dropped."""
        place = np.array([(part.left, part.top) for part in self.parts])
        length = np.array([(part.width, part.height) for part in self.parts])
        area = np.array([part.area for part in self.parts])
        lows, highs = found.boxes[:, :2], found.boxes[:, 2:]
        centre = (lows.astype(np.float64) + highs)[:, None] / 2
        holds = ((centre >= place) & (centre < place + length)).all(axis=2)
        number = holds.argmax(axis=1)
        start, end = place[number], place[number] + length[number]
        # At the picture's own edge a face may end.
        cut = (area[number, :2] > 0) & (lows - start <= CUT_MARGIN)
        cut |= (area[number, 2:] < self.size) & (highs - end >= -CUT_MARGIN)
        within = np.flatnonzero(holds.any(axis=1) & ~cut.any(axis=1))
        factors = ((area[:, 2:] - area[:, :2]) / length).astype(np.float32)[number[within]]
        at_origin = found.take(within).placed(np.ones(2, np.float32), -start[within].astype(np.float32))
        return at_origin.placed(factors, area[number[within], :2].astype(np.float32)).clipped(*self.size)


def plan(regions: Sequence[Region], size: tuple[int, int], finest: float) -> list[Mosaic]:
    """Plan mosaics of all regions of a picture of (width, height). finest: the largest scale of a part."""
    parts: list[Part] = []
    for region in regions:
        scale = min(finest, FINE / region.face_side)
        parts.append(_around(region, size, scale))
        if COARSE / region.face_side < scale / 2:
            parts.append(_around(region, size, COARSE / region.face_side))
    whole = _whole(size, finest)
    # Many masks, or large ones: their surroundings overlap, and all of the picture is less.
    if sum(part.width * part.height for part in parts) > sum(part.width * part.height for part in whole):
        parts = whole
    return [Mosaic(size, tuple(one)) for one in _packed(parts) if one]


def _whole(size: tuple[int, int], finest: float) -> list[Part]:
    """Return the whole picture as parts: in tiles at the finest scale, and once from afar."""
    longer, everything = max(size), (0, 0, *size)
    parts = [Part(area, finest) for area in tiles.grid(*size, finest).areas]
    return [*parts, Part(everything, min(finest, SIDE / longer))]


def _around(region: Region, size: tuple[int, int], scale: float) -> Part:
    margin = round(max(CONTEXT * region.face_side, MIN_CONTEXT / scale))
    left, top = max(0, region.left - margin), max(0, region.top - margin)
    return Part((left, top, min(size[0], region.right + margin), min(size[1], region.bottom + margin)), scale)


def _packed(parts: list[Part]) -> list[list[Part]]:
    """Place parts in rows, the highest first; each list is one canvas."""
    canvases: list[list[Part]] = [[]]
    left = top = row = 0
    for part in sorted(parts, key=lambda one: -one.height):
        if left and left + part.width > SIDE:
            left, top, row = 0, top + row + GAP, 0
        if top and top + part.height > SIDE:
            canvases.append([])
            left = top = row = 0
        canvases[-1].append(Part(part.area, part.scale, left, top))
        left, row = left + part.width + GAP, max(row, part.height)
    return canvases
