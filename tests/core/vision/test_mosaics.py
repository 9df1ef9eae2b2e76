"""Mosaics: parts of a picture on one canvas, and boxes that are found there back in the picture."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.contract.options import CoverOptions
from core.contract.reports import Face
from core.vision import mosaics, regions
from core.vision.candidates import Candidates
from core.vision.mosaics import Mosaic, Part
from core.vision.regions import Region
from tests.core.vision.fakes import Pixels

SIZE = (800, 600)


def region(left: float, top: float, side: float) -> Region:
    face = Face(box=(left, top, left + side, top + side), confidence=0.9)
    made = regions.region(face, CoverOptions(method="solid", padding=0), regions.STRONG, SIZE)
    assert made is not None
    return made


def candidates(*boxes: tuple[float, float, float, float]) -> Candidates:
    rows = np.array(boxes, np.float32).reshape(-1, 4)
    return Candidates(rows, np.full(len(rows), 0.9, np.float32), None)


def ramp() -> Pixels:
    """A picture whose pixels say where they are: blue across, green down."""
    pixels = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    pixels[..., 0] = np.linspace(0, 255, SIZE[0]).astype(np.uint8)
    pixels[..., 1] = np.linspace(0, 255, SIZE[1]).astype(np.uint8)[:, None]
    return pixels


sides = st.floats(4, 500)


@given(st.lists(st.tuples(st.floats(0, 790), st.floats(0, 590), sides), min_size=1, max_size=40), st.floats(0.2, 3))
def test_parts_hold_their_regions_and_never_overlap(places: list[tuple[float, float, float]], finest: float) -> None:
    masks = [region(*place) for place in places]
    planned = mosaics.plan(masks, SIZE, finest)
    parts = [part for mosaic in planned for part in mosaic.parts]
    for mask in masks:
        assert any(
            part.area[0] <= mask.left and part.area[1] <= mask.top
            and part.area[2] >= mask.right and part.area[3] >= mask.bottom
            for part in parts
        )  # fmt: skip
    assert max(part.scale for part in parts) <= finest
    for mosaic in planned:
        taken = np.zeros((2000, 2000), np.uint8)
        for part in mosaic.parts:
            taken[part.top : part.top + part.height, part.left : part.left + part.width] += 1
        assert taken.max() == 1


def test_picture_without_masks_needs_no_mosaic() -> None:
    assert mosaics.plan([], SIZE, 1.0) == []


@given(st.lists(st.tuples(st.floats(0, 790), st.floats(0, 590), sides), min_size=1, max_size=300), st.floats(0.2, 3))
def test_work_is_no_more_than_that_of_the_whole_picture(
    places: list[tuple[float, float, float]], finest: float
) -> None:
    planned = mosaics.plan([region(*place) for place in places], SIZE, finest)
    work = sum(part.width * part.height for mosaic in planned for part in mosaic.parts)
    assert work <= 1.1 * (SIZE[0] * SIZE[1] * finest**2 + mosaics.SIDE**2) + 10_000


def test_large_masks_are_seen_from_afar_too() -> None:
    (mosaic,) = mosaics.plan([region(100, 100, 400)], SIZE, 1.0)
    assert [round(400 * part.scale) for part in mosaic.parts] == [mosaics.FINE, mosaics.COARSE]


def test_small_masks_are_not_enlarged_beyond_the_search() -> None:
    (mosaic,) = mosaics.plan([region(100, 100, 20)], SIZE, 1.6)
    assert [part.scale for part in mosaic.parts] == [1.6]


def test_boxes_return_to_their_place() -> None:
    mosaic = Mosaic(SIZE, (Part((0, 0, 100, 100), 1.0), Part((400, 200, 600, 400), 0.5, left=108)))
    found = candidates((20, 30, 40, 60), (118, 20, 158, 80))
    assert mosaic.to_picture(found).boxes.tolist() == [[20, 30, 40, 60], [420, 240, 500, 360]]


@pytest.mark.parametrize(
    ("box", "kept"), [((0, 0, 30, 30), True), ((70, 70, 100, 100), False), ((101, 0, 107, 9), False)]
)
def test_boxes_at_edges_count_only_at_the_edge_of_the_picture(
    box: tuple[float, float, float, float], kept: bool
) -> None:
    mosaic = Mosaic(SIZE, (Part((0, 0, 100, 100), 1.0),))
    assert len(mosaic.to_picture(candidates(box))) == kept


@pytest.mark.parametrize(
    ("box", "kept"), [((20, 20, 60, 60), True), ((1, 20, 60, 60), False), ((20, 1, 60, 60), False)]
)
def test_part_in_the_middle_cuts_on_all_sides(box: tuple[float, float, float, float], kept: bool) -> None:
    mosaic = Mosaic(SIZE, (Part((0, 0, 100, 100), 1.0, left=108), Part((300, 200, 400, 300), 1.0)))
    assert len(mosaic.to_picture(candidates(box))) == kept


def test_canvas_shows_the_parts() -> None:
    mosaic = Mosaic(SIZE, (Part((400, 300, 480, 380), 1.0, left=10, top=20),))
    canvas, pixels = mosaic.compose(ramp()), ramp()
    assert canvas.shape == (100, 90, 3)
    assert (canvas[20:, 10:] == pixels[300:380, 400:480]).all()
    assert not canvas[:20].any() and not canvas[:, :10].any()


def test_no_regions_need_no_mosaic() -> None:
    assert mosaics.plan((), (400, 300), 1.0) == []
