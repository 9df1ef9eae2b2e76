"""The work of a search grows with the picture's area, not faster, and without cliffs: counted, not timed."""

import math
from collections.abc import Callable, Collection, Sequence
from functools import partial

import numpy as np
import pytest

from core.contract.options import Detail
from core.contract.reports import PassReport, Timings
from core.vision import mosaics, passes
from core.vision.candidates import Candidates
from core.vision.mosaics import Part
from core.vision.passes import PassResult, View
from core.vision.regions import Region
from core.vision.runtimes.networks import CELL
from core.vision.searches import Search

GFLOPS = 0.825  # of scrfd_2.5g in int8, for 640 x 480
STEP = 1.05
AREAS = tuple(200_000 * STEP**number for number in range(114))  # to 50 megapixels
ASPECTS = (1, 4 / 3, 16 / 9, 2, 3, 8, 15, 30)
# All else that a small call takes, in pixels of the input. measured: `make bench`, detect: 13 ms of a CPU beside 14
ELSE = 300_000
APART = 1.5  # pictures that are so many times as large tell how the work grows; between nearer ones a tile may be added
# chosen: of 4:3, whose time docs/performance.md shows, it is 1.15; squares add a tile a side at once, and ribbons
# have few rows of the network's cells: one more is a tenth of the work
MOST_EXPONENT = 1.2
MOST_STEP = 1.25  # times the work, for a picture that is 5 % larger

Work = Callable[[int, int], int]


def search(detail: Detail, gflops: float = GFLOPS) -> Search:
    return Search(detail, 640, gflops, 22)


def searched(detail: Detail, faces: int, gflops: float, width: int, height: int, crowd: Collection[str] = ()) -> int:
    """Return how many pixels of its input the network is shown of a picture with so many sure faces.

    crowd: the passes, by name, that show unsure faces everywhere.
    """
    shown = 0
    many = _crowd(width, height)

    def run_pass(view: View) -> PassResult:
        nonlocal shown
        left, top, right, bottom = view.area or (0, 0, width, height)
        factor = passes.scale(right - left, bottom - top, view.size)
        shown += _canvas((right - left) * factor, (bottom - top) * factor)
        found = Candidates(np.array([[0, 0, 50, 50]] * faces, np.float32).reshape(-1, 4), np.full(faces, 0.9), None)
        found = found.joined(many) if view.name in crowd else found
        report = PassReport(name=view.name, input_size=(640, 640), inference_ms=1, candidates=faces)
        return PassResult(view, found, 1, Timings(), report)

    search(detail, gflops).run(run_pass, width, height)
    return shown


def _crowd(width: int, height: int) -> Candidates:
    side = 300 / search("balanced").finest_scale(width, height)
    rows, columns = np.meshgrid(np.arange(0, height, side), np.arange(0, width, side), indexing="ij")
    corners = np.stack([columns.ravel(), rows.ravel()], axis=1)
    return Candidates(np.hstack([corners, corners + side]).astype(np.float32), np.full(len(corners), 0.1), None)


def most(faces: int, width: int, height: int) -> int:
    """Return the most work of a balanced search: where the main pass shows a crowd, or only the one after it does."""
    crowds = ("main",), ("large", "tile"), ("main", "large", "tile")
    return max(searched("balanced", faces, GFLOPS, width, height, crowd) for crowd in crowds)


def verified(detail: Detail, width: int, height: int) -> int:
    """Return how many pixels it is shown around the masks of a picture that is full of faces."""
    plan = search(detail)
    finest = plan.finest_scale(width, height)
    middle, half_axes = (width / 2, height / 2), (width / 2, height / 2)
    crowd = Region(0, 0, width, height, middle, half_axes, "solid", strength=1, means=True, face_side=22 / finest)
    planned = mosaics.plan([crowd] * 3, (width, height), finest)
    return len(plan.orientations) * sum(_extent(mosaic.parts) for mosaic in planned)


def _extent(parts: Sequence[Part]) -> int:
    return _canvas(max(one.left + one.width for one in parts), max(one.top + one.height for one in parts))


def _canvas(width: float, height: float) -> int:
    return math.ceil(round(width) / CELL) * math.ceil(round(height) / CELL) * CELL**2


SEARCHES: dict[str, Work] = {
    "fast": partial(searched, "fast", 1, GFLOPS),
    "balanced": partial(most, 1),
    "balanced, no sure face": partial(most, 0),
    "thorough": partial(searched, "thorough", 1, GFLOPS),
    "thorough, no face": partial(searched, "thorough", 0, GFLOPS),
    "thorough, fp32": partial(searched, "thorough", 1, 2.5),
    "verification, balanced": partial(verified, "balanced"),
}


@pytest.mark.parametrize("aspect", ASPECTS)
@pytest.mark.parametrize("name", SEARCHES)
def test_work_grows_like_the_area(name: str, aspect: float) -> None:
    sizes = [(round((area * aspect) ** 0.5), round((area / aspect) ** 0.5)) for area in AREAS]
    work = np.array([ELSE + SEARCHES[name](*size) for size in sizes], float)
    first, second = np.triu_indices(len(AREAS), math.ceil(math.log(APART) / math.log(STEP)))
    exponents = np.log(work[second] / work[first]) / ((second - first) * math.log(STEP))
    worst = exponents.argmax()
    pair = f"from {sizes[first[worst]]} to {sizes[second[worst]]}"
    assert exponents[worst] <= MOST_EXPONENT, f"{exponents[worst]:.2f} {pair}"
    steps = work[1:] / work[:-1]
    assert steps.max() <= MOST_STEP, f"{steps.max():.2f} times after {sizes[steps.argmax()]}"


@pytest.mark.parametrize("aspect", ASPECTS)
def test_little_to_see_never_takes_more_work_than_much(aspect: float) -> None:
    for area in AREAS[::8]:
        width, height = round((area * aspect) ** 0.5), round((area / aspect) ** 0.5)
        assert searched("balanced", 1, GFLOPS, width, height) <= 0.6 * most(1, width, height)
