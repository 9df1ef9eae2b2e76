"""Masks: what they hide, what they leave alone, how strong they are."""

from typing import get_args

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.contract.options import Method, ResolvedMaskOptions
from core.contract.reports import Box, Face
from core.vision import masks, regions
from core.vision.masks import MaskedPixels
from core.vision.regions import AS_ASKED, STRONG, MaskPolicy, Region

METHODS = get_args(Method)
WHOLE: list[Method] = ["gaussian", "pixelate", "solid"]
Pixels = NDArray[np.uint8]
Scene = tuple[Pixels, list[Box]]


def planned(
    pixels: Pixels, boxes: list[Box], method: Method, strength: int, floor: MaskPolicy = STRONG
) -> list[Region]:
    """Regions of boxes that do not grow, but for the ellipse."""
    size = pixels.shape[1], pixels.shape[0]
    faces = tuple(Face(box=box, confidence=0.9) for box in boxes)
    return list(regions.plan(faces, ResolvedMaskOptions(method=method, strength=strength, padding=0), floor, size))


def cover(pixels: Pixels, boxes: list[Box], method: Method, strength: int, floor: MaskPolicy = STRONG) -> MaskedPixels:
    return masks.cover(pixels, planned(pixels, boxes, method, strength, floor))


def noise(width: int, height: int, seed: int = 1) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    """A picture of noise, down to one pixel, and boxes in it: at its border, overlapping, of odd sizes."""
    width, height = draw(st.integers(1, 70)), draw(st.integers(1, 70))
    found: list[Box] = []
    for _ in range(draw(st.integers(0, 4))):
        left, top = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
        found.append((left, top, draw(st.integers(left + 1, width)), draw(st.integers(top + 1, height))))
    return noise(width, height, draw(st.integers(0, 2**32 - 1))), found


def union(boxes: list[Box], pixels: Pixels) -> NDArray[np.bool_]:
    inside = np.zeros(pixels.shape[:2], bool)
    for left, top, right, bottom in boxes:
        inside[int(top) : int(bottom), int(left) : int(right)] = True
    return inside


@given(scenes(), st.sampled_from(METHODS), st.integers(1, 999))
def test_nothing_changes_outside_regions(scene: Scene, method: Method, strength: int) -> None:
    pixels, boxes = scene
    layer = cover(pixels, boxes, method, strength)
    outside = np.ones(pixels.shape[:2], bool)
    for one in planned(pixels, boxes, method, strength):
        outside[one.top : one.bottom, one.left : one.right] = False
    assert (layer.pixels[outside] == pixels[outside]).all()
    assert not layer.covered[outside].any()


@given(scenes(), st.sampled_from(METHODS), st.integers(1, 999))
def test_nothing_changes_where_nothing_is_covered(scene: Scene, method: Method, strength: int) -> None:
    pixels, boxes = scene
    layer = cover(pixels, boxes, method, strength)
    assert (layer.pixels[layer.covered == 0] == pixels[layer.covered == 0]).all()


@given(scenes(), st.sampled_from(METHODS), st.integers(1, 999))
def test_whole_box_is_covered(scene: Scene, method: Method, strength: int) -> None:
    pixels, boxes = scene
    layer = cover(pixels, boxes, method, strength)
    inside = union(boxes, pixels)
    assert set(np.unique(layer.covered)) <= {0, 255}
    if method == "elliptical":  # grown until it goes through the corners of the box
        assert layer.covered[inside].all()
    else:
        assert ((layer.covered > 0) == inside).all()


@given(st.integers(5, 20), st.sampled_from(METHODS), st.integers(1, 999), st.integers(0, 9))
def test_no_source_pixel_survives(cells: int, method: Method, strength: int, seed: int) -> None:
    """Of two sources that differ in every pixel, but not in the mean of any two by two, the masks are alike."""
    side = 14 * cells
    coarse = np.kron(noise(7, 7, seed) // 2 + 64, np.ones((side // 7, side // 7, 1), np.uint8)).astype(int)
    board = np.where(np.indices((side, side)).sum(axis=0) % 2, 40, -40)[..., None]
    box: list[Box] = [(0, 0, side, side)]
    one, other = (cover(each.astype(np.uint8), box, method, strength).pixels for each in (coarse, coarse + board))
    (region,) = planned(one, box, method, strength)
    # A cell at the right or lower edge may be cut, to a single pixel even.
    inside = side - side % region.strength if method == "pixelate" and region.strength < side else side
    assert np.abs(one.astype(int) - other)[:inside, :inside].max() <= 3


@given(scenes(), st.integers(1, 999))
def test_solid_leaves_black(scene: Scene, strength: int) -> None:
    pixels, boxes = scene
    assert (cover(pixels, boxes, "solid", strength).pixels[union(boxes, pixels)] == 0).all()


@given(
    st.integers(1, 90),
    st.integers(1, 90),
    st.integers(1, 40),
    st.integers(0, 2**32 - 1),
    st.sampled_from([STRONG, AS_ASKED]),
)
def test_pixelate_cells_hold_their_mean(width: int, height: int, strength: int, seed: int, floor: MaskPolicy) -> None:
    pixels = noise(width, height, seed)
    (region,) = planned(pixels, [(0, 0, width, height)], "pixelate", strength, floor)
    covered = masks.cover(pixels, [region]).pixels
    cell = region.strength
    assert cell == strength or floor is STRONG
    for top in range(0, height, cell):
        for left in range(0, width, cell):
            block = (slice(top, top + cell), slice(left, left + cell))
            mean = pixels[block].reshape(-1, 3).mean(axis=0)
            assert (np.abs(covered[block] - mean) <= 0.5).all()


@given(scenes(), st.sampled_from(METHODS), st.integers(1, 999))
def test_source_picture_is_not_touched(scene: Scene, method: Method, strength: int) -> None:
    pixels, boxes = scene
    before = pixels.copy()
    cover(pixels, boxes, method, strength)
    assert (pixels == before).all()


@pytest.mark.parametrize("side", [16, 64, 300, 1300])
def test_blur_removes_fine_detail(side: int) -> None:
    stripes = np.zeros((side, side, 3), np.uint8)
    stripes[:, :: max(2, side // 8)] = 255
    blurred = cover(stripes, [(0, 0, side, side)], "gaussian", 1).pixels
    middle = blurred[side // 4 : -side // 4, side // 4 : -side // 4].astype(int)
    assert np.ptp(middle) < 0.15 * 255


def test_blur_is_not_reflected_at_the_edge() -> None:
    """What surrounds a face goes on beyond the region; a face that is repeated there leaves more of itself."""
    source = np.zeros((100, 100, 3), np.uint8)
    source[15:85, 15:85] = 255
    (region,) = planned(source, [(0, 0, 100, 100)], "gaussian", 1)
    edge = masks.cover(source, [region]).pixels[50, 2]
    reflected = cv2.GaussianBlur(source, (region.strength, region.strength), 0)[50, 2]
    assert (edge < reflected - 20.0).all()


@pytest.mark.parametrize("kernel", [3, 21, 199])
def test_no_floor_is_a_plain_gaussian(kernel: int) -> None:
    source = noise(120, 90)
    weak = cover(source, [(10, 20, 90, 80)], "gaussian", kernel, AS_ASKED).pixels
    assert (weak[20:80, 10:90] == cv2.GaussianBlur(source[20:80, 10:90], (kernel, kernel), 0)).all()


def test_overlap_shows_strongest_mask() -> None:
    source = noise(160, 160)
    pair: list[Box] = [(0, 0, 160, 160), (60, 60, 68, 68)]
    assert (cover(source, pair, "pixelate", 1).pixels == cover(source, pair[:1], "pixelate", 1).pixels).all()


def test_overlap_shows_black_last() -> None:
    source = noise(160, 160)
    black = planned(source, [(60, 60, 68, 68)], "solid", 1)
    layer = masks.cover(source, [*black, *planned(source, [(0, 0, 160, 160)], "gaussian", 999)])
    assert not layer.pixels[60:68, 60:68].any()


def test_overlaps_come_from_source() -> None:
    source = noise(60, 40)
    pair: list[Box] = [(0, 0, 40, 40), (20, 0, 60, 40)]
    layer, last = cover(source, pair, "pixelate", 7), cover(source, pair[1:], "pixelate", 7)
    assert (layer.pixels[:, 20:] == last.pixels[:, 20:]).all()


def test_inscribed_ellipse_touches_all_four_sides() -> None:
    covered = cover(noise(31, 51), [(0, 0, 31, 51)], "elliptical", 9, AS_ASKED).covered
    assert covered[0].any() and covered[-1].any() and covered[:, 0].any() and covered[:, -1].any()
    assert not covered[0, 0] and not covered[-1, -1]


def test_ellipse_blurs_like_gaussian() -> None:
    source = noise(200, 200)
    (ellipse,) = planned(source, [(60, 60, 120, 140)], "elliptical", 99)
    (box,) = planned(source, [(33, 24, 147, 176)], "gaussian", ellipse.strength)
    layer, whole = masks.cover(source, [ellipse]), masks.cover(source, [box])
    inside = layer.covered > 0
    assert (layer.pixels[inside] == whole.pixels[inside]).all() and 0.6 < inside[24:176, 33:147].mean() < 0.9
