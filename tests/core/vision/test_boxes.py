"""Boxes: growing, rounding outwards, overlap, suppression."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from core.vision import boxes

coordinates = st.floats(-500, 500, width=32)
some_boxes = arrays.arrays(np.float32, st.tuples(st.integers(0, 12), st.just(4)), elements=coordinates).map(
    lambda found: np.hstack([np.minimum(found[:, :2], found[:, 2:]), np.maximum(found[:, :2], found[:, 2:])])
)
sides = st.integers(1, 400)


def test_grow_adds_share_each_side() -> None:
    grown = boxes.grow(np.array([[10, 20, 30, 60]], np.float32), 0.5)
    assert grown.tolist() == [[0, 0, 40, 80]]


def test_grow_by_nothing_keeps() -> None:
    box = np.array([[1.5, 2.5, 3.5, 4.5]], np.float32)
    assert boxes.grow(box, 0).tolist() == box.tolist()


@given(some_boxes, sides, sides)
def test_regions_cover_their_boxes(found: boxes.Boxes, width: int, height: int) -> None:
    clipped = boxes.clip(found, width, height)
    visible = clipped[(clipped[:, 2] > clipped[:, 0]) & (clipped[:, 3] > clipped[:, 1])]
    regions = boxes.to_pixels(found, width, height)
    for left, top, right, bottom in visible:
        assert any(r[0] <= left and r[1] <= top and r[2] >= right and r[3] >= bottom for r in regions)


@given(some_boxes, sides, sides)
def test_regions_lie_inside_picture(found: boxes.Boxes, width: int, height: int) -> None:
    regions = boxes.to_pixels(found, width, height)
    assert (regions[:, 0] >= 0).all() and (regions[:, 2] <= width).all() and (regions[:, 2] > regions[:, 0]).all()
    assert (regions[:, 1] >= 0).all() and (regions[:, 3] <= height).all() and (regions[:, 3] > regions[:, 1]).all()


def test_regions_reach_last_pixel() -> None:
    regions = boxes.to_pixels(np.array([[3.2, 4.1, 9.01, 19.99]], np.float32), 10, 20)
    assert regions.tolist() == [[3, 4, 10, 20]]


def test_iou_of_known_boxes() -> None:
    box = np.array([0, 0, 10, 10], np.float32)
    others = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30], [3, 3, 3, 3]], np.float32)
    assert np.allclose(boxes.iou(box, others), [1, 1 / 3, 0, 0])


@given(some_boxes, st.floats(0.01, 1), st.randoms())
def test_nms_leaves_no_overlap(found: boxes.Boxes, threshold: float, random: object) -> None:
    scores = np.linspace(0.1, 1, len(found), dtype=np.float32)
    kept = boxes.nms(found, scores, threshold)
    for place, index in enumerate(kept):
        assert (boxes.iou(found[index], found[kept[place + 1 :]]) <= threshold).all()


@given(some_boxes, st.floats(0.01, 1))
def test_nms_drops_only_overlapped(found: boxes.Boxes, threshold: float) -> None:
    scores = np.linspace(0.1, 1, len(found), dtype=np.float32)
    kept = boxes.nms(found, scores, threshold)
    for index in set(range(len(found))) - set(kept.tolist()):
        better = kept[scores[kept] > scores[index]]
        assert (boxes.iou(found[index], found[better]) > threshold).any()


def test_nms_sorts_by_score() -> None:
    found = np.array([[0, 0, 1, 1], [5, 5, 6, 6], [9, 9, 10, 10]], np.float32)
    assert boxes.nms(found, np.array([0.2, 0.9, 0.5], np.float32), 0.4).tolist() == [1, 2, 0]
