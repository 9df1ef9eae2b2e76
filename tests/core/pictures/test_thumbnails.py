"""Small pictures: upright, opaque, small, and nothing else in the file."""

import numpy as np
import pytest

from core.errors import ImageTooLarge, UndecodableImage
from core.pictures import thumbnails
from tests import pictures


def made(data: bytes, side: int = 100) -> pictures.Pixels:
    return np.asarray(pictures.opened(thumbnails.make(data, side, pictures.MANY)).convert("RGB"))


@pytest.mark.parametrize(
    ("shape", "expected"), [((300, 600), (50, 100)), ((600, 300), (100, 50)), ((1, 900), (1, 100))]
)
def test_longer_side_is_as_asked(shape: tuple[int, int], expected: tuple[int, int]) -> None:
    assert made(pictures.file(np.zeros((*shape, 3), np.uint8), "png")).shape[:2] == expected


def test_small_picture_stays_as_large_as_it_is() -> None:
    assert made(pictures.file(pictures.quarters(), "png"), side=4000).shape == pictures.quarters().shape


@pytest.mark.parametrize("orientation", range(1, 9))
def test_thumbnail_is_upright(orientation: int) -> None:
    file = pictures.file(pictures.stored(pictures.quarters(), orientation), "jpeg", exif=pictures.exif(orientation))
    small = made(file, side=48)
    assert small.shape == (32, 48, 3)
    assert pictures.furthest(small[8, 12], np.array((250, 10, 10))) < 30
    assert pictures.furthest(small[24, 36], np.array((250, 250, 10))) < 30


def test_transparent_parts_are_white() -> None:
    clear = np.zeros((40, 40, 4), np.uint8)
    assert made(pictures.file(clear, "png")).min() == 255


def test_thumbnail_holds_no_metadata() -> None:
    file = pictures.file(pictures.astronaut(), "jpeg", exif=pictures.exif(1))
    small = thumbnails.make(file, 100, pictures.MANY)
    assert not pictures.opened(small).getexif() and b"CAMERA-NAME" not in small


@pytest.mark.parametrize("cut", [0.3, 0.9])
def test_damaged_picture_has_no_thumbnail(cut: float) -> None:
    file = pictures.file(pictures.astronaut(), "jpeg")
    with pytest.raises(UndecodableImage):
        thumbnails.make(file[: int(len(file) * cut)], 100, pictures.MANY)


def test_too_large_picture_has_no_thumbnail() -> None:
    with pytest.raises(ImageTooLarge):
        thumbnails.make(pictures.file(pictures.astronaut(), "jpeg"), 100, 1000)
