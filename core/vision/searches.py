"""Searches: which passes run over a picture, by how closely the caller wants it searched.

The figures are measured with scrfd_2.5g on WIDER FACE pictures; docs/detection.md says what each search finds.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from core.contract.options import Detail
from core.vision import scales
from core.vision.passes import PassResult, View, scale
from core.vision.runtimes.networks import CELL

RunPass = Callable[[View], PassResult]

# measured: at 640 a face that fills over 85 % of the frame is never found, at 192 it is, for a tenth of the work
CLOSE_UP_SIZE = 192
# chosen: faces that are 213 pixels and more in the main pass; smaller ones it finds better and places more exactly
CLOSE_UP = (64, math.inf)
# measured: on a large input hardly a face over 384 pixels is found, but parts of it look like faces
LARGE = (0, 300)
# How many times the nominal size the levels of a thorough search are. measured: a pass at 4 times finds little more
# than one at 3.
COARSE, FINE = 2, 3
# How many times larger than its own pixels a thorough search shows a picture, by its pixels, where the work allows it.
# measured, collages of 24 megapixels of photographs of 1,000 / 750 / 500 pixels: of the faces that it finds in each
# alone, .996 / .976 / .928; 108 photographs of 1 megapixel: AP of the hard faces .932 at 2 times, .927 at 2.6
ZOOM = ((4e6, 8e6, 12e6), (2.0, 2.3, 2.35))
# chosen: a face that is too large for one level is found on the next coarser one
STEP = 2.3
# How many of the finest of at least four levels lie closer: each is so many times finer than the next. measured, as
# above: .986 / .949 / .897 with even steps and 2.6 times, for as much work; small faces that only two levels see score
# .4 to .49
CLOSE_LEVELS, CLOSE_STEP = 2, 1.6
# chosen: a pass takes at most 150 MB in int8; a face up to the overlap is whole in one tile or another
TILE, OVERLAP = 2048, 192
# chosen: about 14 s of one CPU (measured: 11 s with scrfd_2.5g in int8 at 24 megapixels); a call is given up after 30 s
WORK_GFLOP = 1000
# measured: levels and their overlapping tiles are this many times the finest level alone
LEVELS_WORK = 1.9
# chosen: enlarged more than so many times, a picture shows nothing more
MAX_UPSCALING = 4
SURE_SCORE = 0.5
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
    it sees reliably, in pixels of the input; upright: whether `balanced` never looks for faces that lie.
    """

    detail: Detail
    size: int
    gflops: float
    min_face: int
    upright: bool = False

    def run(self, run_pass: RunPass, width: int, height: int) -> list[PassResult]:
        """Search a picture of width x height; return the results of all passes, the main pass first."""
        results = [run_pass(view) for view in self._base_views(0)]
        if self.detail == "balanced":
            # Test-time augmentation: two passes over different views make fewer mistakes together.
            finest = scales.balanced(width, height, self.size, self.min_face)
            for level in scales.levels(width, height, finest, self.size):
                results += [run_pass(view) for view in tiles(width, height, level * max(width, height), mirrored=True)]
            if not self.upright and not any(_evidence(result) for result in results):
                # No face is sure: the picture, or whoever is in it, may lie or be upside down.
                results += [run_pass(view) for rot90 in (1, 2, 3) for view in self._base_views(rot90)]
        if self.detail == "thorough":
            levels = self._levels(width, height)
            rot90, rotated = self._orientation(run_pass, results, levels[0])
            done = {one.view for one in rotated}
            views: list[View] = []
            for number, level in enumerate(levels):
                views += tiles(width, height, level, rot90=rot90, mirrored=level == self.size or number % 2 == 1)
            results += rotated + [run_pass(view) for view in views if view not in done]
        return results

    def finest_scale(self, width: int, height: int) -> float:
        """Return at most how many pixels of the input one of a picture of width x height becomes in any pass."""
        if self.detail == "balanced":
            return scales.balanced(width, height, self.size, self.min_face)
        finest = self._levels(width, height)[-1] if self.detail == "thorough" else 0
        return scale(width, height, max(self.size, finest))

    def smallest_face(self, width: int, height: int) -> float:
        """Return the longer side, in pixels of the picture, of the smallest face that is seen reliably."""
        return self.min_face / self.finest_scale(width, height)

    @property
    def orientations(self) -> tuple[int, ...]:
        """The quarter turns against the clock that the picture is searched in."""
        return (0, 1, 2, 3) if self.detail == "thorough" else (0,)

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

    def _levels(self, width: int, height: int) -> list[int]:
        """Return the sizes of the passes beyond the main one, down to every pixel where the work allows it.

        Of a tiny picture only the nominal size again.
        """
        pixels = WORK_GFLOP / self.gflops * 640 * 480 / LEVELS_WORK
        affordable = max(width, height) * math.sqrt(pixels / (width * height))
        zoom = float(np.interp(width * height, *ZOOM))
        finest = min(affordable, max(self.size * FINE, zoom * max(width, height)))
        coarse = min(finest, self.size * COARSE)
        # Not two levels where one is hardly finer than the other.
        steps = math.ceil(math.log(finest / coarse) / math.log(STEP) - 0.1)
        close = CLOSE_LEVELS if steps > CLOSE_LEVELS else 0
        finer = [finest / CLOSE_STEP**number for number in range(close)]
        coarser = np.geomspace(finest / CLOSE_STEP**close, coarse, steps + 1 - close)
        sizes = [_round_to_cells(size) for size in reversed([*finer, *coarser])]
        return [size for size in sizes if size <= MAX_UPSCALING * max(width, height)] or [self.size]


def sufficient_side(detail: Detail, size: int) -> int | None:
    """Return the longer side of a picture that suffices for all passes of a search; None where every pixel counts."""
    return math.ceil(size * SUFFICIENT[detail]) if detail in SUFFICIENT else None


def tiles(width: int, height: int, size: float, *, rot90: int = 0, mirrored: bool = False) -> list[View]:
    """Cut a picture whose longer side would be `size` on the input into overlapping views that are small enough."""
    factor = scale(width, height, size)
    across, down = _cuts(width, factor), _cuts(height, factor)
    if len(across) == len(down) == 1:
        name = _name("mirror" if mirrored else "large", rot90)
        return [View(name, max(1, round(size)), rot90=rot90, mirrored=mirrored, size_range=LARGE)]
    name = _name("mirrored_tile" if mirrored else "tile", rot90)
    return [
        View(
            name,
            size=max(1, round(max(right - left, bottom - top) * factor)),
            area=(left, top, right, bottom),
            rot90=rot90,
            mirrored=mirrored,
            size_range=LARGE,
        )
        for top, bottom in down
        for left, right in across
    ]


def _cuts(length: int, factor: float) -> Sequence[tuple[int, int]]:
    """Cut a side into equal pieces that overlap. length: in pixels of the picture; factor: input for picture."""
    on_input = length * factor
    pieces = max(1, math.ceil((on_input - OVERLAP) / (TILE - OVERLAP)))
    piece = min(length, math.ceil((on_input + (pieces - 1) * OVERLAP) / pieces / factor))
    starts = np.linspace(0, length - piece, pieces).round().astype(int).tolist()
    return [(start, start + piece) for start in starts]


def _evidence(result: PassResult) -> float:
    """Return how many faces a pass shows, each weighted by its score."""
    scores = result.candidates.distinct(0.4).scores
    return float(scores[scores >= SURE_SCORE].sum())


def _name(kind: str, rot90: int) -> str:
    return f"{kind}{ROTATED}{90 * rot90}" if rot90 else kind


def is_rotated(name: str) -> bool:
    """Return whether a pass of that name looked at a picture that was turned."""
    return ROTATED in name


def _round_to_cells(size: float) -> int:
    return round(size / CELL) * CELL
