"""Where a mask lies, found by asking for a black one."""

from typing import Any

import numpy as np
from PIL import Image

from tests.contract import pictures
from tests.contract.calls import detected, masked
from tests.contract.pictures import Pixels
from tests.stack import Stack

METHODS = ("gaussian", "pixelate", "solid", "elliptical")
SOFT = ("gaussian", "pixelate", "elliptical")
FORMATS = {"jpeg": "JPEG", "png": "PNG", "webp": "WEBP"}
STRENGTH = "X-Mask-Effective-Strength"

Region = tuple[int, int, int, int]


def png(service: Stack, picture: Image.Image, **query: Any) -> Pixels:
    """Pixels of the masked picture, nothing lost on either way."""
    return pictures.pixels(masked(service, pictures.encoded(picture, "PNG"), format="png", **query).content)


def black_region(before: Pixels, after: Pixels) -> Region:
    """The one box that was painted black: left, top, right, bottom, half-open."""
    changed = (before != after).any(axis=2)
    assert changed.any()
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def grown(service: Stack, picture: Image.Image, padding: float) -> tuple[float, float, float, float]:
    """The single face's box as /detect tells it when it searches like /mask, grown by padding, clipped."""
    (face,) = detected(service, pictures.encoded(picture, "PNG"), detail="balanced")["detections"]
    box = face["bbox"]
    across, down = padding * (box["x2"] - box["x1"]), padding * (box["y2"] - box["y1"])
    return (
        max(0.0, box["x1"] - across),
        max(0.0, box["y1"] - down),
        min(float(picture.width), box["x2"] + across),
        min(float(picture.height), box["y2"] + down),
    )


def inside(shape: tuple[int, ...], region: Region) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which pixels lie in the region: shape (height, width)."""
    found = np.zeros(shape[:2], bool)
    found[region[1] : region[3], region[0] : region[2]] = True
    return found


def ellipse_distance(shape: tuple[int, ...], region: Region) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Below 1 within the ellipse inscribed in the region, above 1 outside: shape (height, width)."""
    left, top, right, bottom = region
    rows, columns = np.mgrid[0 : shape[0], 0 : shape[1]] + 0.5
    across = (columns - (left + right) / 2) / ((right - left) / 2)
    down = (rows - (top + bottom) / 2) / ((bottom - top) / 2)
    distance: np.ndarray[Any, np.dtype[np.float64]] = np.hypot(across, down)
    return distance
