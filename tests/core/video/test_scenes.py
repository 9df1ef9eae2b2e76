"""Cuts between scenes: found where one picture follows another, and nowhere else."""

from collections.abc import Sequence

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from core.video import scenes
from tests.pictures import astronaut, grace_hopper

Pixels = NDArray[np.uint8]


def view(picture: Pixels, left: int, top: int = 40, light: float = 1.0) -> Pixels:
    """Return what a camera sees of a portrait."""
    seen = picture[top : top + 288, left : left + 448]
    return np.asarray(np.clip(seen * light, 0, 255), np.uint8)


def cuts(frames: Sequence[Pixels]) -> set[int]:
    return set(scenes.cuts([scenes.thumbnail(one) for one in frames]))


def test_change_of_picture_is_a_cut() -> None:
    frames = [view(astronaut(), number) for number in range(10)] + [
        view(grace_hopper(), number) for number in range(10)
    ]
    assert cuts(frames) == {10}


def test_cut_to_black_and_back_are_cuts() -> None:
    black = [np.zeros_like(view(astronaut(), 0))] * 5
    frames = [view(astronaut(), 0)] * 5 + black + [view(grace_hopper(), 0)] * 5
    assert cuts(frames) == {5, 10}


@pytest.mark.parametrize("speed", [2, 20])
def test_moving_camera_is_no_cut(speed: int) -> None:
    to_and_fro = [*range(0, 60, speed), *range(60, 0, -speed)]
    assert cuts([view(astronaut(), left) for left in to_and_fro]) == set()


def test_flash_is_no_cut() -> None:
    frames = [view(astronaut(), 0)] * 12
    frames[5] = np.full_like(frames[5], 255)
    assert cuts(frames) == set()


def test_light_that_changes_is_no_cut() -> None:
    frames = [view(astronaut(), 0, light=1.0 if number < 5 else 0.4) for number in range(10)]
    assert cuts(frames) == set()


def test_fade_is_no_cut() -> None:
    ends = view(astronaut(), 0).astype(float), view(grace_hopper(), 0).astype(float)
    frames = [np.asarray((1 - share) * ends[0] + share * ends[1], np.uint8) for share in np.linspace(0, 1, 25)]
    assert cuts(frames) == set()


def test_black_frames_are_no_cuts() -> None:
    noise = np.random.default_rng(1).integers(0, 3, (20, 90, 160, 3)).astype(np.uint8)
    assert cuts(list(noise)) == set()


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_frames_have_no_cut(count: int) -> None:
    assert cuts([view(astronaut(), 0)] * count) == set()


def test_cut_is_found_where_frames_are_compared_in_pieces() -> None:
    one, other = (scenes.thumbnail(view(picture(), 0)) for picture in (astronaut, grace_hopper))
    many = np.array([one] * scenes.CHUNK + [other] * scenes.CHUNK + [one] * 3)
    assert scenes.cuts(many) == {scenes.CHUNK, 2 * scenes.CHUNK}


@pytest.mark.parametrize("size", [(1, 1), (7, 3), (640, 480), (1920, 1080), (1080, 1920)])
def test_thumbnail_has_one_shape(size: tuple[int, int]) -> None:
    assert scenes.thumbnail(np.zeros((size[1], size[0], 3), np.uint8)).shape == (9, 16)


def test_thumbnail_is_the_mean_of_its_part() -> None:
    frame = np.zeros((540, 960, 3), np.uint8)
    cv2.rectangle(frame, (480, 0), (959, 539), (200, 200, 200), -1)
    grey = scenes.thumbnail(frame)
    assert grey[:, :8].max() == 0 and (grey[:, 8:] == 200).all()
