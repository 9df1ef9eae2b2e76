"""Damaged videos: all frames, or InvalidVideo; never a crash, and never an end that is not told."""

import io
import random

import pytest

from core.errors import InvalidVideo, UnsupportedVideo, VideoTooLarge
from core.video import frames, media, segments
from core.video.media import VideoLimits
from tests.core.video import made
from tests.core.video.made import X264, Recipe

LIMITS = VideoLimits(max_pixels=1_000_000, max_frames=5000)
ROUNDS = 150  # of each kind; a second each
KINDS = {
    "H.264": Recipe(times=made.steady(20), options={**X264, "bf": "2"}, audio="aac"),
    "HEVC": Recipe("libx265", "matroska", made.steady(20), {"preset": "ultrafast", "x265-params": "log-level=none"}),
    "VP9": Recipe("libvpx-vp9", "webm", made.steady(20), {"deadline": "realtime", "cpu-used": "8"}),
    "AV1": Recipe("libsvtav1", "mp4", made.steady(20), {"preset": "10"}),
}


def frames_of(data: bytes) -> tuple[int, int]:
    """Return how many frames are read of a file, and how many its plan promises."""
    header = media.probe(io.BytesIO(data), LIMITS)
    plan = segments.plan(io.BytesIO(data), header, LIMITS)
    read = [sum(1 for _ in frames.read(io.BytesIO(data), header, segment)) for segment in plan]
    assert read == [segment.frames for segment in plan]
    return sum(read), len(plan)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_flipped_bytes_are_frames_or_errors(kind: str) -> None:
    """Neither a crash nor another error: what is read is as much as was promised."""
    data = made.video(KINDS[kind])
    dice = random.Random(kind)
    refused = 0
    for _ in range(ROUNDS):
        damaged = bytearray(data)
        for _ in range(dice.randint(1, 5)):
            damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        try:
            frames_of(bytes(damaged))
        except (InvalidVideo, UnsupportedVideo, VideoTooLarge):
            refused += 1
    assert 0 < refused <= ROUNDS


def test_wiped_frame_is_refused() -> None:
    data = made.video(KINDS["H.264"])
    middle = len(data) // 2
    assert frames_of(data) == (20, 1)
    with pytest.raises(InvalidVideo):
        frames_of(data[:middle] + bytes(2000) + data[middle + 2000 :])
