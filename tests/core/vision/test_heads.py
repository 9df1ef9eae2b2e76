"""`cover=head`: the mask holds hair, ears and chin, whichever way the head looks or leans."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import config
from core.contract.options import Method, ResolvedMaskOptions
from core.contract.reports import Box, Face
from core.vision import masks, regions
from core.vision.detector import OnnxDetector
from core.vision.regions import AS_ASKED, STRONG, MaskPolicy, Region
from tests import detectors
from tests.core.vision.test_ovals import Points, largest, turned
from tests.pictures import astronaut, grace_hopper

SIZE = (1000, 1000)
BOX: Box = (400, 400, 470, 500)
# Of an upright head that looks at the camera, in shares of the box.
FRONT = ((0.27, 0.4), (0.73, 0.4), (0.5, 0.6), (0.32, 0.8), (0.68, 0.8))
PROFILE = ((0.7, 0.4), (0.8, 0.4), (0.99, 0.6), (0.7, 0.8), (0.75, 0.8))


def face(shares: Any = FRONT, confidence: float = 0.9, degrees: float = 0, **more: Any) -> Face:
    """A face with its landmarks turned about the middle of the box; to the right where degrees are positive."""
    width, height = BOX[2] - BOX[0], BOX[3] - BOX[1]
    points = np.array(shares) * [width, height] - [width / 2, height / 2]
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = np.array([(BOX[0] + BOX[2]) / 2, (BOX[1] + BOX[3]) / 2])
    found = tuple((float(x), float(y)) for x, y in points @ turn.T + middle)
    return Face(box=BOX, confidence=confidence, landmarks=found, **more)


def covered(found: Face, method: Method = "solid", policy: MaskPolicy = STRONG, **options: Any) -> Region:
    region = regions.region(found, ResolvedMaskOptions(method=method, **options), policy, SIZE)
    assert region is not None
    return region


def growth(found: Face, **options: Any) -> tuple[int, int, int, int]:
    """By how many pixels the region goes beyond the box: left, up, right, down."""
    region = covered(found, **{"cover": "head", "padding": 0, **options})
    left, top, right, bottom = (int(edge) for edge in BOX)
    return left - region.left, top - region.top, region.right - right, region.bottom - bottom


def test_head_holds_hair_ears_and_chin() -> None:
    left, up, right, down = growth(face())
    assert up == 40 and down == 10 and abs(left - right) <= 1 and left + 70 + right == pytest.approx(125, abs=2)


def test_padding_comes_on_top() -> None:
    plain, padded = growth(face()), growth(face(), padding=0.2)
    assert [more - less for less, more in zip(plain, padded, strict=True)] == [14, 20, 14, 20]


@pytest.mark.parametrize("mirrored", [False, True])
def test_back_of_a_profile_is_held(mirrored: bool) -> None:
    shares = np.array(PROFILE)
    if mirrored:
        shares = (shares * [-1, 1] + [1, 0])[[1, 0, 2, 4, 3]]
    left, _, right, _ = growth(face(shares))
    back, front = (right, left) if mirrored else (left, right)
    assert front <= 3 and back >= 54


@pytest.mark.parametrize(("degrees", "side"), [(-25, 0), (25, 2)])
def test_hair_of_a_leaning_head_is_held(degrees: float, side: int) -> None:
    upright, leaning = growth(face()), growth(face(degrees=degrees))
    assert leaning[side] - upright[side] == pytest.approx(40 * np.sin(np.radians(25)), abs=3)


@pytest.mark.parametrize(
    "found",
    [face(confidence=0.7), face(degrees=90), face(degrees=180), Face(box=BOX, confidence=0.9)],
    ids=["unsure", "lying", "upside_down", "no_landmarks"],
)
def test_any_other_head_grows_the_same_around(found: Face) -> None:
    assert growth(found) == (50, 50, 50, 50)


def test_drawn_box_stays_as_drawn() -> None:
    assert growth(Face(box=BOX, confidence=1, drawn=True)) == (0, 0, 0, 0)


def test_weak_masks_cover_heads_too() -> None:
    assert growth(face(), policy=AS_ASKED) == growth(face())


@given(
    st.sampled_from(["solid", "elliptical"]),
    st.floats(0, 2),
    st.floats(-180, 180),
    st.sampled_from([FRONT, PROFILE]),
    st.sampled_from([0.5, 0.9]),
)
def test_head_covers_what_face_covers(
    method: Method, padding: float, degrees: float, shares: Any, confidence: float
) -> None:
    found = face(shares, confidence, degrees)
    pixels = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    both = [masks.cover(pixels, [covered(found, method, padding=padding, cover=one)]).covered for one in EXTENTS]
    assert not (both[0] & ~both[1]).any()


EXTENTS: Any = ("face", "head")
# Where hair, ears, chin and cap end, of the two portraits: left, top, right, bottom, in widths and heights of the box.
# measured by eye
HEADS = {"astronaut": (0.32, 0.33, 0.33, 0.02), "hopper": (0.2, 0.45, 0.15, 0.05)}


def outline(box: Box, beyond: tuple[float, float, float, float]) -> Points:
    """The ellipse that a head fills, as points."""
    width, height = box[2] - box[0], box[3] - box[1]
    left, top, right, bottom = (share * side for share, side in zip(beyond, (width, height) * 2, strict=True))
    x1, y1, x2, y2 = box[0] - left, box[1] - top, box[2] + right, box[3] + bottom
    angles = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    points = np.stack([np.cos(angles) * (x2 - x1), np.sin(angles) * (y2 - y1)], 1) / 2
    return np.asarray(points + np.array([(x1 + x2) / 2, (y1 + y2) / 2]), np.float32)


@pytest.fixture(scope="module")
def finder(scrfd: Path) -> OnnxDetector:
    return detectors.load(config.read(model="scrfd_2.5g", weights_dir=scrfd))


@pytest.mark.slow
@pytest.mark.parametrize("method", ["solid", "elliptical"])
def test_head_is_held_at_every_roll(finder: OnnxDetector, method: Method) -> None:
    visible, count = [], 0
    for name, picture in {"astronaut": astronaut(), "hopper": grace_hopper()}.items():
        pixels = np.ascontiguousarray(picture[:, :, ::-1])
        upright = largest(finder, pixels)
        assert upright is not None
        points = outline(upright.box, HEADS[name])
        for degrees in range(0, 360, 15):
            canvas, there = turned(pixels, points, degrees)
            found = largest(finder, canvas)
            if found is None or not regions_hold(found.box, there.mean(axis=0)):
                continue
            count += 1
            size = canvas.shape[1], canvas.shape[0]
            options = ResolvedMaskOptions(method=method, cover="head")
            hidden = masks.cover(canvas, regions.plan((found,), options, STRONG, size)).covered
            x, y = there[((there >= 0) & (there < size)).all(axis=1)].astype(int).T
            if not hidden[y, x].all():
                visible.append(f"{name} at {degrees} degrees, confidence {found.confidence:.2f}")
    assert visible == [] and count > 30


def regions_hold(box: Box, point: Any) -> bool:
    return bool(box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3])
