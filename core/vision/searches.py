"""Searches: which passes look at a picture, by how thorough the caller wants it."""

import math
from collections.abc import Callable

import numpy as np

from core.results import Detail
from core.vision.passes import Sighting, View, scale

Look = Callable[[View], Sighting]

# measured: at 640 a face that fills over 85 % of the frame is never found, at 192 it is, for a tenth of the work
CLOSE_UP_SIZE = 192
# chosen: faces that are 213 pixels and more in the main pass; smaller ones it finds better and places more exactly
CLOSE_UP = (64, math.inf)
# measured: of faces over 384 pixels on the input none is found, of those up to 256 nearly all, and parts of a face
# that is larger than the input look like faces
LARGE = (0, 300)
BALANCED_TIMES = 1.8
LARGE_TIMES = 2.0
FINE_TIMES = 3.0
TILE = 1280
OVERLAP = 192
SURE = 0.5


def search(look: Look, detail: Detail, width: int, height: int, size: int) -> list[Sighting]:
    """Look at a picture of width x height with a network whose input is nominally `size`; the main pass comes first."""
    seen = [look(View("main", size)), look(View("close_up", CLOSE_UP_SIZE, believed=CLOSE_UP))]
    if detail == "balanced" and max(width, height) > size:
        seen.append(look(View("large", _cells(size * BALANCED_TIMES), believed=LARGE)))
    if detail == "thorough":
        seen += _thorough(look, seen[0], width, height)
    return seen


def _thorough(look: Look, main: Sighting, width: int, height: int) -> list[Sighting]:
    size = main.view.size
    turned = [look(View(f"rotated_{90 * turns}", size, turns=turns)) for turns in (1, 2, 3)]
    turns = max([main, *turned], key=_evidence).view.turns
    views = [View("mirror", _cells(size * LARGE_TIMES), turns=turns, mirrored=True, believed=LARGE)]
    for level in levels(width, height, size):
        views += tiles(width, height, level, turns)
    return turned + [look(view) for view in views]


def levels(width: int, height: int, size: int) -> list[int]:
    """Return the sizes beyond the main one: up to every pixel of the picture, none more than about twice the last."""
    finest = max(size * FINE_TIMES, width, height)
    coarsest = size * LARGE_TIMES
    steps = max(1, math.ceil(math.log2(finest / coarsest) - 0.2))
    return [_cells(coarsest * (finest / coarsest) ** (step / steps)) for step in range(steps + 1)]


def tiles(width: int, height: int, size: int, turns: int) -> list[View]:
    """Cut a picture whose longer side would be `size` on the input into overlapping views that are small enough."""
    factor = scale(width, height, size)
    across, down = _cuts(width, factor), _cuts(height, factor)
    if len(across) == len(down) == 1:
        return [View("large", size, turns=turns, believed=LARGE)]
    return [
        View("tile", round(max(right - left, bottom - top) * factor), (left, top, right, bottom), turns, believed=LARGE)
        for top, bottom in down
        for left, right in across
    ]


def _cuts(length: int, factor: float) -> list[tuple[int, int]]:
    """Cut a side into equal pieces that overlap. length: in pixels of the picture; factor: input for picture."""
    on_input = length * factor
    pieces = max(1, math.ceil((on_input - OVERLAP) / (TILE - OVERLAP)))
    piece = math.ceil((on_input + (pieces - 1) * OVERLAP) / pieces / factor)
    starts = np.linspace(0, length - piece, pieces).round().astype(int).tolist() if pieces > 1 else [0]
    return [(start, min(length, start + piece)) for start in starts]


def _evidence(seen: Sighting) -> float:
    scores = seen.candidates.distinct(0.4).scores
    return float(scores[scores >= SURE].sum())


def _cells(size: float) -> int:
    return round(size / 32) * 32
