"""Where scenes change, seen in tiny grey pictures of successive frames.

A cut that is missed only lets a mask go on for a moment in the next scene. One that is none would end tracks where
faces are still there. So a cut has to be plain: a picture that has nothing to do with the one before, between frames
that follow each other as before.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from core.vision.masks import Pixels

THUMBNAIL = 16, 9  # width, height; chosen: a hand that shakes hardly changes it, and two hours of them are 26 MB
SAMPLES = 8  # chosen: so many pixels each way are enough for the mean of one of the thumbnail
# How unlike two frames are at a cut: 0 is the same, 1 unrelated, 2 the opposite; and how many times as unlike as those
# before and after it, so that neither a whip pan nor a flash is a cut. measured: tests/bench/video.py
UNLIKE, RATIO = 0.45, 2.0
PLAIN = 2.0  # chosen: grey levels of deviation; a frame with less, such as a black one, shows nothing
CHUNK = 4096  # frames that are compared at a time, in 10 MB


def thumbnail(image: Pixels) -> Pixels:
    """Return a frame, (height, width, 3) BGR, as a grey picture of (9, 16); measured: 0.03 ms of a CPU for 1080p."""
    width, height = THUMBNAIL
    step = max(1, min(image.shape[0] // (SAMPLES * height), image.shape[1] // (SAMPLES * width)))
    sampled = cv2.cvtColor(np.ascontiguousarray(image[::step, ::step]), cv2.COLOR_BGR2GRAY)
    return np.asarray(cv2.resize(sampled, THUMBNAIL, interpolation=cv2.INTER_AREA), np.uint8)


def thumbnails(count: int) -> Pixels:
    """Return room for those of so many frames, (n, 9, 16)."""
    return np.zeros((count, *THUMBNAIL[::-1]), np.uint8)


def cuts(thumbnails: Sequence[Pixels] | Pixels) -> frozenset[int]:
    """Return the numbers of the frames that begin a scene, without the first; thumbnails: of all frames, (n, 9, 16)."""
    pairs = max(0, len(thumbnails) - 1)
    chunks = [_unlike(np.asarray(thumbnails[at : at + CHUNK + 1])) for at in range(0, pairs, CHUNK)]
    unlike = np.concatenate([np.zeros(1, np.float32), *chunks, np.zeros(1, np.float32)])
    plain = np.maximum(UNLIKE, RATIO * np.maximum(unlike[:-2], unlike[2:]))
    return frozenset((np.flatnonzero(unlike[1:-1] >= plain) + 1).tolist())


def _unlike(thumbnails: Pixels) -> NDArray[np.float32]:
    """Return 1 less the correlation of each two successive thumbnails, which a change of the light hardly touches."""
    flat = thumbnails.reshape(len(thumbnails), -1).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    deviation = np.sqrt((flat**2).mean(axis=1))
    shows = deviation >= PLAIN
    both = shows[1:] & shows[:-1]
    alike = np.divide(
        (flat[1:] * flat[:-1]).mean(axis=1),
        deviation[1:] * deviation[:-1],
        out=np.zeros(len(both), np.float32),
        where=both,
    )
    # Two frames that show nothing are alike, one that does and one that doesn't are not.
    return np.where(shows[1:] == shows[:-1], 1 - np.where(both, alike, 1), 1).astype(np.float32)
