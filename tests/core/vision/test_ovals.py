"""The ellipse covers a face whichever way the head leans: heads are turned, found there, and masked."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from core import config
from core.contract.options import ResolvedDetectOptions, ResolvedMaskOptions
from core.contract.reports import Face
from core.vision import masks, regions
from core.vision.detector import OnnxDetector
from tests import detectors
from tests.pictures import astronaut, grace_hopper

Pixels = NDArray[np.uint8]
Points = NDArray[np.float32]

pytestmark = pytest.mark.slow

SIDE = 240  # chosen: pixels of a face's longer side, so that two passes see it, which makes a wrong box surer, too
ELLIPSE = ResolvedMaskOptions(method="elliptical")


@pytest.fixture(scope="module")
def finder(scrfd: Path) -> OnnxDetector:
    return detectors.load(config.read(model="scrfd_2.5g", weights_dir=scrfd))


def largest(finder: OnnxDetector, picture: Pixels) -> Face | None:
    found = finder.find(picture, ResolvedDetectOptions(detail="fast")).faces
    return max(found, key=lambda face: (face.box[2] - face.box[0]) * (face.box[3] - face.box[1]), default=None)


def head(finder: OnnxDetector, picture: Pixels) -> tuple[Pixels, Points] | None:
    """The face and as much again around it, and what has to be covered: the oval in its box, and the landmarks."""
    face = largest(finder, picture)
    if face is None or face.landmarks is None:
        return None
    left, top, right, bottom = face.box
    longer = max(right - left, bottom - top)
    angles = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    oval = np.stack([np.cos(angles) * (right - left), np.sin(angles) * (bottom - top)], 1) / 2
    middle = np.array([(left + right) / 2, (top + bottom) / 2])
    points = np.concatenate([oval + middle, np.array(face.landmarks)])
    x, y = int(max(0, left - longer)), int(max(0, top - longer))
    part = picture[y : int(bottom + longer), x : int(right + longer)]
    scale = SIDE / longer
    resized = cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(resized, np.uint8), ((points - [x, y]) * scale).astype(np.float32)


def turned(picture: Pixels, points: Points, degrees: float) -> tuple[Pixels, Points]:
    """Turn a picture about its middle, on a canvas that holds it at any angle."""
    height, width = picture.shape[:2]
    side = int(np.hypot(width, height)) + 1
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    turn[:, 2] += [(side - width) / 2, (side - height) / 2]
    canvas = cv2.warpAffine(picture, turn, (side, side), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(canvas, np.uint8), np.asarray(points @ turn[:, :2].T + turn[:, 2], np.float32)


def uncovered(finder: OnnxDetector, pictures: Iterator[Pixels], step: int, *, landmarks: bool) -> tuple[list[str], int]:
    """Say at which rot90 a point of a head stays visible, and how many heads were found."""
    visible, count = [], 0
    for number, picture in enumerate(pictures):
        seen = head(finder, picture)
        for degrees in range(0, 360, step) if seen else ():
            assert seen is not None
            canvas, points = turned(*seen, degrees)
            face = largest(finder, canvas)
            # One that is found elsewhere is not this head.
            if face is None or not _holds(face, points.mean(axis=0)):
                continue
            count += 1
            known = face if landmarks else face.model_copy(update={"landmarks": None})
            size = canvas.shape[1], canvas.shape[0]
            covered = masks.cover(canvas, regions.plan((known,), ELLIPSE, regions.STRONG, size)).covered
            inside = ((points >= 0) & (points < size)).all(axis=1)
            x, y = points[inside].astype(int).T
            if not covered[y, x].all():
                visible.append(f"head {number} at {degrees} degrees, confidence {face.confidence:.2f}")
    return visible, count


def _holds(face: Face, point: Points) -> bool:
    return bool(face.box[0] <= point[0] <= face.box[2] and face.box[1] <= point[1] <= face.box[3])


@pytest.mark.parametrize("landmarks", [True, False])
def test_ellipse_covers_oval_at_every_roll(finder: OnnxDetector, landmarks: bool) -> None:
    pictures = iter([astronaut()[:, :, ::-1], grace_hopper()[:, :, ::-1]])
    visible, count = uncovered(finder, pictures, 15, landmarks=landmarks)
    assert visible == [] and count > 30


def test_ellipse_covers_oval_of_many(finder: OnnxDetector, shared_data: Path) -> None:
    files = sorted((shared_data / "reid" / "deepface").glob("*.jpg"))[::2]
    visible, count = uncovered(
        finder, (np.asarray(cv2.imread(str(file)), np.uint8) for file in files), 45, landmarks=True
    )
    assert visible == [] and count > 5 * len(files)
