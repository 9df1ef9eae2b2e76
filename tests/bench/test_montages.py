"""Montages hold every photograph at its own size, and count what is covered in both."""

import numpy as np

from tests.bench import montages
from tests.bench.montages import Masked


def test_montage_lays_pictures_out_without_overlap() -> None:
    sizes = ((40, 30), (20, 50), (10, 10))  # width, height
    pictures = [np.full((height, width, 3), 50 * number + 1, np.uint8) for number, (width, height) in enumerate(sizes)]
    made = montages.montage(pictures, across=2)
    assert made.size == (60, 60)
    assert made.corners == ((0, 0), (40, 0), (0, 50))
    whole = made.pixels
    assert whole.shape == (60, 60, 3)
    for picture, (left, top) in zip(pictures, made.corners, strict=True):
        height, width = picture.shape[:2]
        assert (whole[top : top + height, left : left + width] == picture).all()


def test_only_faces_that_are_promised_and_covered_alone_count() -> None:
    alone = [Masked(np.array([[0, 0, 40, 40], [0, 0, 60, 60]], float), np.array([True, True]), 1.0)]
    alone.append(Masked(np.array([[0, 0, 99, 99], [0, 0, 98, 98]], float), np.array([True, False]), 2.0))
    placed = np.vstack([one.faces for one in alone])
    whole = Masked(placed, np.array([True, False, True, True]), 5.0)
    assert montages.compared(alone, whole, (4000, 3000)).row("small") == ["small", "0.667 of 3", "1.000 of 1", "1.67"]
    assert montages.compared(alone, whole, (6000, 4000)).row("large") == ["large", "0.500 of 2", "1.000 of 1", "1.67"]
