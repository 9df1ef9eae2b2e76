"""What the networks answer, read: outputs made by hand for known faces."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from core.vision.families import centerface, scrfd
from core.vision.passes import ModelFamily

WIDTH, HEIGHT = 128, 64


def scrfd_outputs(landmarks: bool, batched: bool = False) -> list[NDArray[np.float32]]:
    """All anchors silent; shapes as the network gives them for a 128 x 64 canvas."""
    widths = [1, 4, 10] if landmarks else [1, 4]
    cells = [2 * (HEIGHT // stride) * (WIDTH // stride) for stride in scrfd.STRIDES]
    made = [np.zeros((count, width), np.float32) for width in widths for count in cells]
    return [output[None] for output in made] if batched else made


@pytest.mark.parametrize("landmarks", [True, False])
@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize(("level", "stride"), list(enumerate(scrfd.STRIDES)))
def test_scrfd_box_is_placed(landmarks: bool, batched: bool, level: int, stride: int) -> None:
    outputs = scrfd_outputs(landmarks, batched)
    row, column = 1, 2
    anchor = 2 * (row * (WIDTH // stride) + column) + 1
    flat = [output[0] if batched else output for output in outputs]
    flat[level][anchor] = 0.8
    flat[3 + level][anchor] = [1, 0.5, 2, 1.5]
    found = scrfd.decode(outputs, WIDTH, 0.5)
    x, y = column * stride, row * stride
    assert found.boxes.tolist() == [[x - stride, y - 0.5 * stride, x + 2 * stride, y + 1.5 * stride]]
    assert found.scores.tolist() == pytest.approx([0.8])
    assert (found.landmarks is not None) == landmarks


def test_scrfd_landmarks_are_offsets() -> None:
    outputs = scrfd_outputs(landmarks=True)
    outputs[1][0] = 0.9
    outputs[7][0] = np.arange(10) / 10
    found = scrfd.decode(outputs, WIDTH, 0.5)
    assert found.landmarks is not None
    assert np.allclose(found.landmarks[0].ravel(), np.arange(10) * 1.6)


def test_scrfd_keeps_score_at_threshold() -> None:
    outputs = scrfd_outputs(landmarks=False)
    outputs[0][:3, 0] = [0.25, 0.5, 0.75]
    assert scrfd.decode(outputs, WIDTH, 0.5).scores.tolist() == [0.5, 0.75]


def test_scrfd_blob_is_centred_rgb() -> None:
    canvas = np.zeros((32, 64, 3), np.uint8)
    canvas[..., 2] = 255
    blob = scrfd.blob(canvas)
    assert blob.shape == (1, 3, 32, 64) and blob.dtype == np.float32
    assert np.allclose(blob[0, 0], 127.5 / 128) and np.allclose(blob[0, 2], -127.5 / 128)


@pytest.mark.parametrize("family", [scrfd, centerface])
def test_blob_is_that_of_opencv(family: ModelFamily) -> None:
    canvas = np.random.default_rng(1).integers(0, 256, (32, 64, 3), np.uint8)
    given = np.full((1, 3, 32, 64), np.nan, np.float32)
    scale, mean = (1 / 128, 127.5) if family is scrfd else (1, 0)
    expected = cv2.dnn.blobFromImage(canvas, scale, mean=(mean, mean, mean), swapRB=True)
    assert family.blob(canvas, given) is given
    assert np.array_equal(given, expected) and np.array_equal(family.blob(canvas), expected)


def test_centerface_box_is_placed() -> None:
    shape = (HEIGHT // 4, WIDTH // 4)
    heat, scale, offset, marks = (np.zeros((1, count, *shape), np.float32) for count in (1, 2, 2, 10))
    heat[0, 0, 5, 7] = 0.9
    scale[0, :, 5, 7] = np.log([6, 3])  # height, width in cells
    offset[0, :, 5, 7] = [0.25, -0.25]  # y, x
    marks[0, :, 5, 7] = [0.5, 0.25] * 5  # y, x in units of the box
    found = centerface.decode([heat, scale, offset, marks], WIDTH, 0.5)
    centre_x, centre_y = (7 + 0.5 - 0.25) * 4, (5 + 0.5 + 0.25) * 4
    assert np.allclose(found.boxes, [[centre_x - 6, centre_y - 12, centre_x + 6, centre_y + 12]])
    assert found.landmarks is not None
    assert np.allclose(found.landmarks[0], [[centre_x - 6 + 0.25 * 12, centre_y]] * 5)
