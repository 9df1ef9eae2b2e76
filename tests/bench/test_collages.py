"""Collages hold every photograph whole, and compare its faces where they lie in the whole."""

from pathlib import Path

import cv2
import numpy as np

from tests.bench import collages


def test_collage_holds_each_photograph_in_its_place(tmp_path: Path) -> None:
    paths = []
    for number, size in enumerate(((400, 300), (300, 600), (900, 300))):
        path = tmp_path / f"{number}.png"
        cv2.imwrite(str(path), np.full((size[1], size[0], 3), 50 * number + 50, np.uint8))
        paths.append(path)
    made = collages.collage(paths, cell=1000, skip=1)
    whole = made.pixels
    assert whole.shape == (4000, 6000, 3)
    assert len(made.photographs) == 30
    # The second, third and first of them, each chosen for ten places side by side.
    for place, value, (width, height) in ((0, 100, (375, 750)), (10, 150, (1000, 333)), (29, 50, (1000, 750))):
        left, top = place % 6 * 1000, place // 6 * 750
        assert (whole[top : top + height, left : left + width] == value).all()
        assert made.photographs[place].shape[:2] == (height, width)
    assert (whole[0, 375:1000] == collages.BACKGROUND).all()
    boxes = made.placed([np.array([[1, 2, 3, 4]])] + 28 * [np.empty((0, 4))] + [np.array([[5, 6, 7, 8]])])
    assert boxes.tolist() == [[1, 2, 3, 4], [5005, 3006, 5007, 3008]]
