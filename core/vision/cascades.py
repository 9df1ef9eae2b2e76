"""Cascades: a finer pass looks only at those parts of a picture in which coarser ones have shown something.

Where they show nothing at all, as in a sky or on a wall, a finer one finds no face either.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.vision import boxes
from core.vision.boxes import Boxes, Regions
from core.vision.candidates import Candidates
from core.vision.fusion import MIN_EVIDENCE, SAME_FACE_IOU
from core.vision.passes import PassResult
from core.vision.runtimes.networks import CELL
from core.vision.tiles import Area

# How many times finer a pass is at most than what tells it where to look. measured, 2,800 faces of 216 pictures that a
# pass 2.4 times as fine shows: of those that have 7 / 8 / 9 to 14 pixels in the coarse pass it shows .957 / .981 / .995
STEP = 2.8
PROMISED_STEP = 2  # chosen: so for those that a search promises to find, which are 11 pixels there
# measured, 216 pictures: a finer pass adds to the score, but hardly any face, where one of so many pixels of the input
# is as sure as this
CLEAR_SCORE, CLEAR_PX = 0.7, 40
TOO_LARGE = 400  # chosen: pixels of the finer input; a box beyond its size range by more than a mistake of a third
# In pixels of the finer input. A section is planned on a grid of GRID; around its boxes it shows CONTEXT.
GRID, CONTEXT = 16, 32
RUN = 20  # measured: what a run takes beside its pixels, in squares of the grid
GAPS = 4  # chosen: of the gaps between rows or columns, so many of the widest are tried
# chosen: parts that take more than this share of all of the picture are not worth their edges
WORTH = 0.95
WORTH_OVERVIEW = 0.7  # chosen: an overview takes up to a quarter

Marks = NDArray[np.bool_]
Bounds = tuple[float, float, float, float]
Rectangle = tuple[int, int, int, int]  # left, top, right, bottom, in squares of the grid


@dataclass(frozen=True)
class Section:
    """Where to look, and whose candidates count: those with their centre in `own`, which no other section has."""

    area: Area
    own: Bounds


def overview(scale: float, promised: float) -> float:
    """Return the coarsest scale of passes that tell one of this scale where to look.

    promised: the scale at which the smallest face is seen that the search promises to find.
    """
    return max(scale / STEP, min(scale, promised) / PROMISED_STEP)


def parts(
    results: Iterable[PassResult], width: int, height: int, scale: float, worth: float = WORTH
) -> list[Section] | None:
    """Return where to look closer after the results of coarser passes; None for everywhere.

    scale: pixels of the input for one of the picture of width x height; worth: the most work that parts may take, as a
    share of that for everything.
    """
    across, down = round(width * scale), round(height * scale)
    marks = _marks(_unclear(results, scale) * scale, across, down)
    planner = _Planner(marks)
    everything: Rectangle = (0, 0, marks.shape[1], marks.shape[0])
    work, planned = planner.split(everything)
    if work > worth * planner.work(everything):
        return None
    return [_section(core, own, (width, height), scale) for core, own in planned]


def _unclear(results: Iterable[PassResult], scale: float) -> Boxes:
    """Return the boxes at which a finer pass can tell more."""
    found, clear = np.zeros((0, 4), np.float32), np.zeros((0, 4), np.float32)
    for result in results:
        candidates = result.candidates.take(result.candidates.scores >= MIN_EVIDENCE)
        sides = boxes.longer_sides(candidates.boxes)
        found = np.concatenate([found, candidates.boxes[sides * scale <= TOO_LARGE]])
        seen = candidates.take((candidates.scores >= CLEAR_SCORE) & (sides * result.scale >= CLEAR_PX))
        clear = np.concatenate([clear, _without_landmarks(seen).distinct(SAME_FACE_IOU).boxes])
    for box in clear:
        found = found[boxes.iou(box, found) <= SAME_FACE_IOU]
    return found


def _without_landmarks(candidates: Candidates) -> Candidates:
    return Candidates(candidates.boxes, candidates.scores, None)


def _marks(found: Boxes, across: int, down: int) -> Marks:
    """Mark the squares of the grid that boxes touch."""
    rows, columns = max(1, -(-down // GRID)), max(1, -(-across // GRID))
    edges = np.hstack([np.floor(found[:, :2] / GRID), np.ceil(found[:, 2:] / GRID)]).astype(int)
    left, top, right, bottom = np.clip(edges, 0, [columns, rows, columns, rows]).T
    # How many boxes begin less how many end at each corner: their sums are how many lie on each square.
    changes = np.zeros((rows + 1, columns + 1), int)
    for y, x, change in ((top, left, 1), (top, right, -1), (bottom, left, -1), (bottom, right, 1)):
        np.add.at(changes, (y, x), change)
    return np.asarray(changes.cumsum(axis=0).cumsum(axis=1)[:-1, :-1] > 0)


class _Planner:
    """Cuts what is marked into rectangles that take less work than one: always from edge to edge, through a gap."""

    def __init__(self, marks: Marks) -> None:
        self._marks = marks

    def work(self, core: Rectangle) -> int:
        """Return what it takes to look at a rectangle with its context, in squares of the grid."""
        (left, top, right, bottom), more = core, CONTEXT // GRID
        down, across = self._marks.shape
        width = min(across, right + more) - max(0, left - more)
        height = min(down, bottom + more) - max(0, top - more)
        return int(width * height) + RUN

    def split(self, own: Rectangle) -> tuple[int, list[tuple[Rectangle, Rectangle]]]:
        """Return the work, and the rectangles around what is marked, each with the one that it is cut out of."""
        core = self._core(own)
        if core is None:
            return 0, []
        whole = self.work(core)
        halves = [(first, second) for first, second in self._cuts(core, own)]
        if halves:
            best = min(halves, key=lambda pair: sum(self.work(half) for half in map(self._core, pair) if half))
            (work, planned), (more, others) = map(self.split, best)
            if work + more < whole:
                return work + more, planned + others
        return whole, [(core, own)]

    def _core(self, own: Rectangle) -> Rectangle | None:
        """Return the smallest rectangle around what is marked in one."""
        left, top, right, bottom = own
        inside = self._marks[top:bottom, left:right]
        rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
        if not len(rows):
            return None
        return left + int(columns[0]), top + int(rows[0]), left + int(columns[-1]) + 1, top + int(rows[-1]) + 1

    def _cuts(self, core: Rectangle, own: Rectangle) -> Iterable[tuple[Rectangle, Rectangle]]:
        """Yield `own` in two, cut in the middle of a gap."""
        left, top, right, bottom = own
        inside = self._marks[core[1] : core[3], core[0] : core[2]]
        for row in _gaps(np.flatnonzero(inside.any(axis=1))):
            yield (left, top, right, core[1] + row), (left, core[1] + row, right, bottom)
        for column in _gaps(np.flatnonzero(inside.any(axis=0))):
            yield (left, top, core[0] + column, bottom), (core[0] + column, top, right, bottom)


def _gaps(at: Regions) -> Sequence[int]:
    """Return the middles of the widest runs of places that are not among these."""
    widths = np.diff(at)
    widest = np.argsort(-widths, kind="stable")[:GAPS]
    return [int(at[gap] + 1 + at[gap + 1]) // 2 for gap in widest[widths[widest] > 1]]


def _section(core: Rectangle, own: Rectangle, size: tuple[int, int], scale: float) -> Section:
    (left, right), (top, bottom) = (_span(core[axis], core[axis + 2], size[axis], scale) for axis in (0, 1))
    starts = [own[axis] * GRID / scale if own[axis] > 0 else -math.inf for axis in (0, 1)]
    ends = [own[axis + 2] * GRID / scale for axis in (0, 1)]
    rights = [end if end < length else math.inf for end, length in zip(ends, size, strict=True)]
    return Section((left, top, right, bottom), (starts[0], starts[1], rights[0], rights[1]))


def _span(start: int, end: int, length: int, scale: float) -> tuple[int, int]:
    """Return which pixels of a picture of `length` some squares and their context are: whole cells of the network."""
    most = round(length * scale)
    low, high = max(0, start * GRID - CONTEXT), min(most, end * GRID + CONTEXT)
    whole = -(-(high - low) // CELL) * CELL
    low = max(0, low - (whole - (high - low)) // 2)
    high = min(most, low + whole)
    low = max(0, high - whole)
    return math.ceil(low / scale), length if high == most else min(length, int(high / scale))
