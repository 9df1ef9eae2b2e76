"""Searches: which passes run over a picture, by how closely the caller wants it searched.

The figures are measured with scrfd_2.5g on WIDER FACE pictures; docs/detection.md says what each search finds.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from core.contract.options import Detail
from core.vision import boxes, cascades, scales, tiles
from core.vision.candidates import Candidates
from core.vision.cascades import Section
from core.vision.fusion import SAME_FACE_IOU
from core.vision.passes import PassResult, View, scale

RunPass = Callable[[View], PassResult]

# measured: at 640 a face that fills over 85 % of the frame is never found, at 192 it is, for a tenth of the work
CLOSE_UP_SIZE = 192
# chosen: faces that are 213 pixels and more in the main pass; smaller ones it finds better and places more exactly
CLOSE_UP = (64, math.inf)
# measured: on a large input hardly a face over 384 pixels is found, but parts of it look like faces
LARGE = (0, 300)
# How many times the nominal size the input is on which a thorough search decides how a picture lies.
COARSE = 2
# chosen: what was searched to decide that is not searched again on a level that is less than so many times finer
SAME_LEVEL = 1.2
# chosen: about 14 s of one CPU (measured: 11 s with scrfd_2.5g in int8 at 24 megapixels); a call is given up after 30 s
WORK_GFLOP = 1000
# Which levels of a thorough search are mirrored, the finest being the first.
MIRRORED = (0, 2)
SURE_SCORE = 0.5
# In a picture of so many pixels those who lie among others are looked for on an input of so many a side. measured: 3 to
# 9 % of the CPU time of a mask of 12 to 24 megapixels; in 106 photographs one sure face more, which is one
LYING_FROM, LYING_SIZE = 8_000_000, 400
ROTATED = "_rotated_"  # in the names of passes, before the degrees
# measured: what shows less than one sure face in each orientation at the nominal size is decided on a larger input
MIN_ORIENTATION_EVIDENCE = 0.75
# How many times the nominal size a picture has to keep when it is decoded smaller; closer searches need every pixel.
# measured: 216 pictures in collages, 54 enlarged to 24 megapixels, 1.13 to 1.2 times: AP against that of all pixels
# +.004 on the mean (-.005 to +.012), and as many faces
SUFFICIENT: dict[Detail, float] = {"fast": 1.1}


@dataclass(frozen=True)
class Search:
    """How closely to search with which network.

    size: its nominal input; gflops: its work for 640 x 480 pixels; min_face: the longer side of the smallest face that
    it sees reliably, in pixels of the input; upright: whether `balanced` never looks for faces that lie; everywhere:
    whether it looks closely where nothing is, too: parts have many shapes, which some runtimes take long for.
    """

    detail: Detail
    size: int
    gflops: float
    min_face: int
    upright: bool = False
    everywhere: bool = False

    def run(self, run_pass: RunPass, width: int, height: int) -> list[PassResult]:
        """Search a picture of width x height; return the results of all passes, the main pass first."""
        results = [run_pass(view) for view in self._base_views(0)]
        if self.detail == "balanced":
            results += self._closer(run_pass, results, width, height)
            if self.upright:
                return results
            if not any(_evidence(result) for result in results):
                # No face is sure: the picture, or whoever is in it, may lie or be upside down.
                results += [run_pass(view) for rot90 in (1, 2, 3) for view in self._base_views(rot90)]
            elif width * height >= LYING_FROM:
                lying = [View(_name("main", rot90), LYING_SIZE, rot90=rot90) for rot90 in (1, 3)]
                results += [_more(run_pass(view), results) for view in lying]
        if self.detail == "thorough":
            levels = self._levels(width, height)
            longer = max(width, height)
            rot90, rotated = self._orientation(run_pass, results, min(round(levels[0] * longer), self.size * COARSE))
            results += rotated
            done = {one.view.size / longer for one in rotated if one.view.size > self.size}
            for number, level in enumerate(levels):
                if not any(1 / SAME_LEVEL < level / searched < SAME_LEVEL for searched in done):
                    grid = tiles.grid(width, height, level, tiles.CLOSE_OVERLAP)
                    results += [run_pass(view) for view in _views(grid, rot90=rot90, mirrored=number in MIRRORED)]
        return results

    def finest_scale(self, width: int, height: int) -> float:
        """Return at most how many pixels of the input one of a picture of width x height becomes in any pass."""
        if self.detail == "balanced":
            return scales.balanced(width, height, self.size, self.min_face)
        main = scale(width, height, self.size)
        return max(main, self._levels(width, height)[0]) if self.detail == "thorough" else main

    def smallest_face(self, width: int, height: int) -> float:
        """Return the longer side, in pixels of the picture, of the smallest face that is seen reliably."""
        return self.min_face / self.finest_scale(width, height)

    @property
    def orientations(self) -> tuple[int, ...]:
        """The quarter turns against the clock that the picture is searched in."""
        return (0, 1, 2, 3) if self.detail == "thorough" else (0,)

    def _closer(self, run_pass: RunPass, first: list[PassResult], width: int, height: int) -> list[PassResult]:
        """Look at a picture closer after its first results, level by level, where there may be a face."""
        finest = scales.balanced(width, height, self.size, self.min_face)
        promised = scales.promised(width, height, self.min_face)
        seen, results = scale(width, height, self.size), list[PassResult]()
        for level in reversed(scales.levels(width, height, finest, self.size)):
            # Test-time augmentation: two passes over different views make fewer mistakes together.
            views = _views(tiles.grid(width, height, level), mirrored=True)
            least = cascades.overview(level, promised)
            worth = cascades.WORTH if seen >= least else cascades.WORTH_OVERVIEW
            where = partial(cascades.parts, width=width, height=height, scale=level)
            parts = None if self.everywhere else where([*first, *results], worth=worth)
            if parts is not None and seen < least:
                results += [run_pass(view) for view in _views(tiles.grid(width, height, least))]
                parts = where([*first, *results])
            if parts is not None:
                views = [view for part in parts for view in _views_of_section(part, level)]
            results += [run_pass(view) for view in views]
            seen = level
        return results

    def _base_views(self, rot90: int) -> list[View]:
        return [
            View(_name("main", rot90), self.size, rot90=rot90),
            View(_name("close_up", rot90), CLOSE_UP_SIZE, rot90=rot90, size_range=CLOSE_UP),
        ]

    def _orientation(self, run_pass: RunPass, first: list[PassResult], size: int) -> tuple[int, list[PassResult]]:
        """Decide in which orientation the picture shows most faces; return that and the results of the others.

        first: the results without rotation; size: of the larger passes that decide where little is found.
        """
        orientations = [first, *([run_pass(view) for view in self._base_views(rot90)] for rot90 in (1, 2, 3))]
        rotated = [result for results in orientations[1:] for result in results]
        evidence = [sum(_evidence(result) for result in results) for results in orientations]
        if max(evidence) < MIN_ORIENTATION_EVIDENCE and size > self.size:
            larger = [run_pass(View(_name("large", rot90), size, rot90=rot90, size_range=LARGE)) for rot90 in range(4)]
            evidence = [both + _evidence(one) for both, one in zip(evidence, larger, strict=True)]
            rotated += larger
        return int(np.argmax(evidence)), rotated

    def _levels(self, width: int, height: int) -> list[float]:
        return scales.thorough(width, height, self.size, WORK_GFLOP / self.gflops * 640 * 480)


def sufficient_side(detail: Detail, size: int) -> int | None:
    """Return the longer side of a picture that suffices for all passes of a search; None where every pixel counts."""
    return math.ceil(size * SUFFICIENT[detail]) if detail in SUFFICIENT else None


def _views(grid: tiles.Grid, *, rot90: int = 0, mirrored: bool = False) -> list[View]:
    """Return the passes over the tiles of a picture."""
    areas = grid.areas
    kind = ("mirror" if mirrored else "large") if len(areas) == 1 else ("mirrored_tile" if mirrored else "tile")
    return [
        View(
            _name(kind, rot90),
            size=max(1, round(max(right - left, bottom - top) * grid.scale)),
            area=(left, top, right, bottom) if len(areas) > 1 else None,
            rot90=rot90,
            mirrored=mirrored,
            size_range=LARGE,
        )
        for left, top, right, bottom in areas
    ]


def _views_of_section(part: Section, level: float) -> list[View]:
    left, top, right, bottom = part.area
    return [
        View(
            "mirrored_tile",
            size=max(1, round(max(area[2] - area[0], area[3] - area[1]) * level)),
            area=(left + area[0], top + area[1], left + area[2], top + area[3]),
            mirrored=True,
            size_range=LARGE,
            own=part.own,
        )
        for area in tiles.grid(right - left, bottom - top, level).areas
    ]


def _evidence(result: PassResult) -> float:
    """Return how many faces a pass shows, each weighted by its score."""
    scores = result.candidates.distinct(0.4).scores
    return float(scores[scores >= SURE_SCORE].sum())


def _more(rotated: PassResult, upright: Sequence[PassResult]) -> PassResult:
    """Keep only sure faces that no upright pass is sure of: of those who stand, a rotated one makes unsure ones."""
    known = np.concatenate([_sure(result).boxes for result in upright])
    found = _sure(rotated)
    new = found.take(np.array([boxes.iou(box, known).max() <= SAME_FACE_IOU for box in found.boxes], bool))
    return replace(rotated, candidates=new, report=rotated.report.model_copy(update={"candidates": len(new)}))


def _sure(result: PassResult) -> Candidates:
    return result.candidates.take(result.candidates.scores >= SURE_SCORE)


def _name(kind: str, rot90: int) -> str:
    return f"{kind}{ROTATED}{90 * rot90}" if rot90 else kind


def is_rotated(name: str) -> bool:
    """Return whether a pass of that name looked at a picture that was turned."""
    return ROTATED in name
