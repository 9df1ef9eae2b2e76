"""Pixels as a decoder returns them: 8 bits, BGR, not yet upright."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.errors import UndecodableImage

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Raster:
    """Pixels as stored, not yet upright. bgr: (h, w, 3); alpha: (h, w) or None. coloured: neither grey nor CMYK."""

    bgr: Pixels
    alpha: Pixels | None = None
    coloured: bool = True


def from_pillow(image: Image.Image) -> Raster:
    """Convert any of Pillow's modes to 8 bits; UndecodableImage where samples of 32 bits leave the range open."""
    mode = image.mode
    if mode in ("I", "F"):
        raise UndecodableImage("samples of 32 bits are not read")
    if mode.startswith("I;16"):
        image.load()
        return Raster(convert((np.asarray(image) >> 8).astype(np.uint8), cv2.COLOR_GRAY2BGR), coloured=False)
    if mode in ("1", "L"):
        return Raster(convert(np.asarray(image.convert("L")), cv2.COLOR_GRAY2BGR), coloured=False)
    coloured = mode not in ("LA", "La", "CMYK")
    if mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        rgba = np.asarray(image.convert("RGBA"))
        return Raster(convert(rgba, cv2.COLOR_RGBA2BGR), np.ascontiguousarray(rgba[:, :, 3]), coloured)
    return Raster(convert(np.asarray(image.convert("RGB")), cv2.COLOR_RGB2BGR), None, coloured)


def convert(pixels: Pixels, code: int) -> Pixels:
    """Convert colours by OpenCV's code."""
    return np.asarray(cv2.cvtColor(pixels, code), np.uint8)
