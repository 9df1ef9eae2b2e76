"""Masks: what they hide, what they leave alone, how strong they are."""

from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.results import Method
from core.vision import masks

METHODS = get_args(Method)
Pixels = NDArray[np.uint8]


@st.composite
def scenes(draw: st.DrawFn) -> tuple[Pixels, NDArray[np.intp]]:
    """A picture of noise, down to one pixel, and regions in it: at its border, overlapping, of odd sizes."""
    width, height = draw(st.integers(1, 70)), draw(st.integers(1, 70))
    regions = []
    for _ in range(draw(st.integers(0, 4))):
        left, top = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
        regions.append([left, top, draw(st.integers(left + 1, width)), draw(st.integers(top + 1, height))])
    noise = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    pixels = noise.integers(0, 256, (height, width, 3), np.uint8)
    return pixels, np.array(regions, np.intp).reshape(-1, 4)


def union(regions: NDArray[np.intp], pixels: Pixels) -> NDArray[np.bool_]:
    inside = np.zeros(pixels.shape[:2], bool)
    for left, top, right, bottom in regions:
        inside[top:bottom, left:right] = True
    return inside


@given(scenes(), st.sampled_from(METHODS), st.integers(1, 999))
@settings(deadline=None)
def test_nothing_changes_outside_regions(scene: tuple[Pixels, NDArray[np.intp]], method: Method, strength: int) -> None:
    pixels, regions = scene
    layer = masks.cover(pixels, regions, method, strength)
    outside = ~union(regions, pixels)
    assert (layer.pixels[outside] == pixels[outside]).all()
    assert not layer.covered[outside].any()


@given(scenes(), st.sampled_from(["gaussian", "pixelate", "solid"]), st.integers(1, 999))
@settings(deadline=None)
def test_whole_region_is_covered(scene: tuple[Pixels, NDArray[np.intp]], method: Method, strength: int) -> None:
    pixels, regions = scene
    layer = masks.cover(pixels, regions, method, strength)
    assert (layer.covered == union(regions, pixels)).all()


@given(scenes(), st.integers(1, 999))
@settings(deadline=None)
def test_solid_leaves_black(scene: tuple[Pixels, NDArray[np.intp]], strength: int) -> None:
    pixels, regions = scene
    layer = masks.cover(pixels, regions, "solid", strength)
    assert (layer.pixels[union(regions, pixels)] == 0).all()


@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 40), st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_pixelate_cells_hold_their_mean(width: int, height: int, strength: int, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    layer = masks.cover(pixels, np.array([[0, 0, width, height]]), "pixelate", strength)
    cell = layer.effective_strength
    for top in range(0, height, cell):
        for left in range(0, width, cell):
            block = (slice(top, top + cell), slice(left, left + cell))
            mean = pixels[block].reshape(-1, 3).mean(axis=0)
            assert (np.abs(layer.pixels[block] - mean) <= 0.5).all()


@given(scenes(), st.sampled_from(METHODS), st.integers(1, 999))
@settings(deadline=None)
def test_source_picture_is_not_touched(scene: tuple[Pixels, NDArray[np.intp]], method: Method, strength: int) -> None:
    pixels, regions = scene
    before = pixels.copy()
    masks.cover(pixels, regions, method, strength)
    assert (pixels == before).all()


@given(st.sampled_from(METHODS), st.integers(1, 999), st.integers(1, 5000), st.integers(1, 5000))
def test_floor_never_weakens(method: Method, strength: int, width: int, height: int) -> None:
    assert masks.floor(method, strength, width, height) >= strength


@given(st.integers(1, 999), st.integers(1, 5000), st.integers(1, 5000))
def test_pixelate_has_few_cells(strength: int, width: int, height: int) -> None:
    assert max(width, height) / masks.floor("pixelate", strength, width, height) <= masks.MOST_CELLS


@given(st.sampled_from(["gaussian", "elliptical"]), st.integers(1, 999), st.integers(1, 5000))
def test_blur_kernel_is_odd(method: Method, strength: int, side: int) -> None:
    assert masks.floor(method, strength, side, side) % 2 == 1


@pytest.mark.parametrize("side", [16, 64, 300, 1300])
def test_blur_removes_fine_detail(side: int) -> None:
    stripes = np.zeros((side, side, 3), np.uint8)
    stripes[:, :: max(2, side // 8)] = 255
    blurred = masks.cover(stripes, np.array([[0, 0, side, side]]), "gaussian", 1).pixels
    middle = blurred[side // 4 : -side // 4, side // 4 : -side // 4].astype(int)
    assert np.ptp(middle) < 0.15 * 255


def test_overlap_shows_strongest_mask() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (160, 160, 3), np.uint8)
    small_last = np.array([[0, 0, 160, 160], [60, 60, 68, 68]])
    layer = masks.cover(noise, small_last, "pixelate", 1)
    alone = masks.cover(noise, small_last[:1], "pixelate", 1)
    assert (layer.pixels == alone.pixels).all()


def test_overlaps_come_from_source() -> None:
    noise = np.random.default_rng(2).integers(0, 256, (40, 60, 3), np.uint8)
    pair = np.array([[0, 0, 40, 40], [20, 0, 60, 40]])
    layer = masks.cover(noise, pair, "pixelate", 5)
    last = masks.cover(noise, pair[1:], "pixelate", 5)
    assert (layer.pixels[:, 20:] == last.pixels[:, 20:]).all()


def test_ellipse_touches_all_four_sides() -> None:
    noise = np.random.default_rng(3).integers(0, 256, (51, 31, 3), np.uint8)
    covered = masks.cover(noise, np.array([[0, 0, 31, 51]]), "elliptical", 9).covered
    assert covered[0].any() and covered[-1].any() and covered[:, 0].any() and covered[:, -1].any()
    assert not covered[0, 0] and not covered[-1, -1]


def test_effective_strength_is_largest() -> None:
    noise = np.zeros((400, 400, 3), np.uint8)
    regions = np.array([[0, 0, 8, 8], [0, 0, 400, 80]])
    assert masks.cover(noise, regions, "pixelate", 3).effective_strength == 50


def test_effective_strength_without_faces() -> None:
    nothing = np.zeros((0, 4), np.intp)
    assert masks.cover(np.zeros((9, 9, 3), np.uint8), nothing, "pixelate", 30).effective_strength == 30
