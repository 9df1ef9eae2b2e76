"""Which frames are searched: all where something moves, few where nothing does."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from core.video.sampling import MOST_S, FrameSampler
from tests.pictures import astronaut

Pixels = NDArray[np.uint8]
FPS = 25


def frame(left: int = 0, top: int = 0) -> Pixels:
    """Return a still room in which a small face hangs."""
    picture = np.full((540, 960, 3), 90, np.uint8)
    picture[200 + top : 232 + top, 300 + left : 332 + left] = astronaut()[70:198:4, 160:288:4]
    return picture


def searched(frames: Sequence[Pixels], stride: int = 1) -> list[int]:
    sampler = FrameSampler(stride)
    return [number for number, one in enumerate(frames) if sampler.due(one, number / FPS)]


def noisy(picture: Pixels, seed: int) -> Pixels:
    noise = np.random.default_rng(seed).normal(0, 4, picture.shape)
    return np.asarray(np.clip(picture + noise, 0, 255), np.uint8)


def test_still_picture_is_searched_four_times_a_second() -> None:
    frames = [frame()] * 50
    gaps = np.diff(searched(frames))
    assert gaps.max() <= np.ceil(MOST_S * FPS) and gaps.min() >= 6


def test_noise_is_no_change() -> None:
    assert len(searched([noisy(frame(), seed) for seed in range(25)])) < 6


@pytest.mark.parametrize("step", [2, 8])
def test_small_face_that_moves_is_searched_in_every_frame(step: int) -> None:
    assert searched([frame(left=step * number) for number in range(25)]) == list(range(25))


def test_face_that_creeps_is_searched_again_when_it_has_moved() -> None:
    assert len(searched([frame(left=number // 2) for number in range(24)])) > 6


def test_face_that_appears_is_searched_at_once() -> None:
    empty = np.full((540, 960, 3), 90, np.uint8)
    assert searched([empty] * 3 + [frame()] * 3) == [0, 3]


@pytest.mark.parametrize("stride", [2, 3, 5])
def test_stride_skips_frames_that_move(stride: int) -> None:
    assert searched([frame(left=4 * number) for number in range(20)], stride) == list(range(0, 20, stride))
