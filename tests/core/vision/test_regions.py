"""Regions: which pixels belong to a face's mask, and how strong it has to be."""

import math
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.contract.options import Method, ResolvedMaskOptions
from core.contract.reports import Box, Face
from core.vision import regions
from core.vision.regions import AS_ASKED, STRONG, MaskPolicy, Region

METHODS = get_args(Method)
UPRIGHT = ((12.0, 14.0), (28.0, 14.0), (20.0, 20.0), (14.0, 27.0), (26.0, 27.0))
LEANING = ((14.0, 28.0), (14.0, 12.0), (20.0, 20.0), (27.0, 26.0), (27.0, 14.0))

sides = st.integers(1, 400)
coordinates = st.floats(-500, 500)
some_boxes = st.tuples(coordinates, coordinates, coordinates, coordinates).map(
    lambda box: (min(box[0], box[2]), min(box[1], box[3]), max(box[0], box[2]), max(box[1], box[3]))
)


def made(
    box: Box,
    size: tuple[int, int] = (400, 400),
    padding: float = 0,
    floor: MaskPolicy = STRONG,
    method: Method = "solid",
) -> Region | None:
    options = ResolvedMaskOptions(method=method, padding=padding, strength=1)
    return regions.region(Face(box=box, confidence=0.9), options, floor, size)


def sure(box: Box, **options: object) -> Region:
    region = made(box, **options)  # type: ignore[arg-type]  # passed on as they are
    assert region is not None
    return region


def test_padding_adds_share_each_side() -> None:
    region = sure((100, 120, 120, 160), padding=0.5)
    assert (region.left, region.top, region.right, region.bottom) == (90, 100, 130, 180)


def test_edges_reach_last_pixel() -> None:
    region = sure((3.2, 4.1, 9.01, 19.99), size=(10, 20))
    assert (region.left, region.top, region.right, region.bottom) == (3, 4, 10, 20)


@given(some_boxes, sides, sides, st.sampled_from(METHODS), st.floats(0, 2))
def test_region_covers_its_box(box: Box, width: int, height: int, method: Method, padding: float) -> None:
    left, top, right, bottom = max(0, box[0]), max(0, box[1]), min(width, box[2]), min(height, box[3])
    region = made(box, (width, height), padding, method=method)
    if left < right and top < bottom:
        assert region is not None
        assert region.left <= left and region.top <= top and region.right >= right and region.bottom >= bottom


@given(some_boxes, sides, sides, st.sampled_from(METHODS), st.floats(0, 2))
def test_region_lies_inside_picture(box: Box, width: int, height: int, method: Method, padding: float) -> None:
    region = made(box, (width, height), padding, method=method)
    if region is not None:
        assert 0 <= region.left < region.right <= width and 0 <= region.top < region.bottom <= height


def test_box_outside_has_no_region() -> None:
    assert made((-30, 5, -10, 20), padding=0.5) is None
    assert regions.plan((Face(box=(-30, 5, -10, 20), confidence=0.9),), ResolvedMaskOptions(), STRONG, (40, 40)) == ()


@given(st.sampled_from(METHODS), st.integers(1, 999), st.integers(1, 5000))
def test_floor_never_weakens(method: Method, strength: int, longer: int) -> None:
    assert STRONG.raised(method, strength, longer) >= strength


@given(st.sampled_from(METHODS), st.integers(1, 999), st.integers(1, 5000), st.integers(0, 200))
def test_floor_grows_with_strength(method: Method, strength: int, longer: int, more: int) -> None:
    assert STRONG.raised(method, strength + more, longer) >= STRONG.raised(method, strength, longer)


@given(st.sampled_from(["gaussian", "elliptical"]), st.integers(1, 999), st.integers(1, 5000), st.integers(0, 1000))
def test_blur_grows_with_region(method: Method, strength: int, longer: int, larger: int) -> None:
    assert STRONG.raised(method, strength, longer + larger) >= STRONG.raised(method, strength, longer)


@given(st.integers(1, 999), st.integers(1, 5000))
def test_pixelate_has_few_cells_an_odd_number(strength: int, longer: int) -> None:
    cells = math.ceil(longer / STRONG.raised("pixelate", strength, longer))
    assert cells <= regions.MAX_CELLS and cells % 2 == 1


@given(st.sampled_from(["gaussian", "elliptical"]), st.integers(1, 999), st.integers(1, 5000))
def test_blur_kernel_is_odd_and_wide(method: Method, strength: int, longer: int) -> None:
    kernel = STRONG.raised(method, strength, longer)
    assert kernel % 2 == 1 and kernel >= longer * regions.MIN_KERNEL - 1


@given(st.sampled_from(METHODS), st.integers(20, 5000))
def test_stronger_floor_is_stronger(method: Method, longer: int) -> None:
    twice = STRONG.strengthened(2).raised(method, 1, longer)
    # With few pixels to a cell, an odd number of cells can be 5 where 7 are allowed, and 3 where twice as strong.
    assert twice >= STRONG.raised(method, 1, longer) * (1 if method == "solid" else 1.4)


@pytest.mark.parametrize(("method", "applied"), [("gaussian", 21), ("elliptical", 21), ("pixelate", 20), ("solid", 20)])
def test_no_floor_leaves_strength(method: Method, applied: int) -> None:
    assert AS_ASKED.raised(method, 20, 3000) == applied


@pytest.mark.parametrize(
    ("landmarks", "confidence", "padding"),
    [(UPRIGHT, 0.9, 0.15), (UPRIGHT, 0.6, 0.45), (LEANING, 0.9, 0.45), (None, 0.9, 0.45)],
    ids=["upright", "unsure", "leaning", "no_landmarks"],
)
def test_ellipse_grows_unless_head_is_upright(landmarks: Any, confidence: float, padding: float) -> None:
    face = Face(box=(10, 10, 30, 38), confidence=confidence, landmarks=landmarks)
    options = ResolvedMaskOptions(method="elliptical", padding=0)
    region = regions.region(face, options, STRONG, (40, 40))
    assert region is not None
    assert region.half_axes == pytest.approx((10 + 20 * padding, 14 + 28 * padding)) and region.centre == (20.0, 24.0)
    weak = regions.region(face, options, AS_ASKED, (40, 40))
    assert weak is not None
    assert weak.half_axes == (10.0, 14.0)


def test_wide_box_is_not_surely_upright() -> None:
    assert regions.surely_upright(Face(box=(10, 10, 30, 38), confidence=0.9, landmarks=UPRIGHT))
    assert not regions.surely_upright(Face(box=(10, 10, 30, 30), confidence=0.9, landmarks=UPRIGHT))


def test_larger_padding_of_ellipse_is_kept() -> None:
    assert sure((100, 100, 120, 120), padding=1, method="elliptical").half_axes == (30, 30)
