"""Boxes: overlap, suppression."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from core.vision import boxes

coordinates = st.floats(-500, 500, width=32)
some_boxes = arrays.arrays(np.float32, st.tuples(st.integers(0, 12), st.just(4)), elements=coordinates).map(
    lambda found: np.hstack([np.minimum(found[:, :2], found[:, 2:]), np.maximum(found[:, :2], found[:, 2:])])
)


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
