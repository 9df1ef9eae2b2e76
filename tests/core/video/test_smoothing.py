"""Where masks lie: they hold the faces of the frames around, and move as the faces do."""

import numpy as np
import pytest
from numpy.typing import NDArray

from core.video.tracking import smoothing
from core.video.tracking.smoothing import NEIGHBOURS
from core.vision.boxes import Boxes

COUNT = 60


def moving(speed: float = 0, growth: float = 0, side: float = 80) -> Boxes:
    """Return the boxes of a face that moves to the right, and grows, evenly."""
    number = np.arange(COUNT)[:, None]
    half = (side + growth * number) / 2
    middle = np.hstack([200 + speed * number, np.full((COUNT, 1), 300.0)])
    return np.hstack([middle - half, middle + half]).astype(np.float32)


def trembling(boxes: Boxes, by: float) -> Boxes:
    return (boxes + np.random.default_rng(3).normal(0, by, boxes.shape)).astype(np.float32)


def changes(boxes: Boxes) -> NDArray[np.float64]:
    """Return by how much the edges move from frame to frame, on average."""
    return np.asarray(np.abs(np.diff(boxes, axis=0)).mean(), np.float64)


def test_region_holds_the_boxes_of_the_frames_around() -> None:
    boxes = trembling(moving(speed=7), 3)
    regions = smoothing.smooth(boxes)
    for number, region in enumerate(regions):
        around = boxes[max(0, number - NEIGHBOURS) : number + NEIGHBOURS + 1]
        assert (region[:2] <= around[:, :2].min(axis=0) + 1e-3).all()
        assert (region[2:] >= around[:, 2:].max(axis=0) - 1e-3).all()


def test_region_moves_with_a_face_that_moves_evenly() -> None:
    moved = np.diff(smoothing.smooth(moving(speed=6)), axis=0)
    assert moved == pytest.approx(np.tile([6, 0, 6, 0], (COUNT - 1, 1)), abs=0.01)


def test_region_grows_with_a_face_that_comes_nearer() -> None:
    grown = np.diff(smoothing.smooth(moving(growth=2)), axis=0)
    assert grown == pytest.approx(np.tile([-1, -1, 1, 1], (COUNT - 1, 1)), abs=0.01)


def test_region_of_a_trembling_box_is_steady() -> None:
    boxes = trembling(moving(), 3)
    assert changes(smoothing.smooth(boxes)) < changes(boxes) / 5


def test_box_that_shrinks_for_a_frame_changes_nothing() -> None:
    boxes = moving()
    boxes[30] = [190, 290, 210, 310]
    assert smoothing.smooth(boxes)[28:33] == pytest.approx(smoothing.smooth(moving())[28:33], abs=8)


@pytest.mark.parametrize("count", [1, 2, 3, 9])
def test_short_track_has_a_region_in_every_frame(count: int) -> None:
    boxes = moving(speed=5)[:count]
    regions = smoothing.smooth(boxes)
    assert regions.shape == boxes.shape
    assert (regions[:, :2] <= boxes[:, :2]).all() and (regions[:, 2:] >= boxes[:, 2:]).all()
