"""Pixels as a decoder returns them: 8 bits, BGR, not yet upright."""

from dataclasses import dataclass
from io import BytesIO

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from core.errors import UndecodableImage

Pixels = NDArray[np.uint8]

BAND_PIXELS = 2**18  # chosen: a megabyte in Pillow's memory, which the CPU's caches hold
MAX_CMYK_PROFILE_BYTES = 4 * 2**20  # chosen: the largest of the printers' associations have 2.7 MiB


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
        return Raster(_in_bands(image, "L", cv2.COLOR_GRAY2BGR), coloured=False)
    coloured = mode not in ("LA", "La", "CMYK")
    if mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        alpha = np.empty((image.height, image.width), np.uint8)
        return Raster(_in_bands(image, "RGBA", cv2.COLOR_RGBA2BGR, alpha), alpha, coloured)
    return Raster(_in_bands(image, "RGB", cv2.COLOR_RGB2BGR), None, coloured)


def _in_bands(image: Image.Image, mode: str, code: int, alpha: Pixels | None = None) -> Pixels:
    """Convert a picture to a mode, and that by OpenCV's code, some rows at a time; write its alpha channel to `alpha`.

    Pillow's pixels take four bytes each, and of all of them it would make three copies more.
    """
    made = np.empty((image.height, image.width, 3), np.uint8)
    rows = max(1, BAND_PIXELS // image.width)
    for top in range(0, image.height, rows):
        band = np.asarray(image.crop((0, top, image.width, min(top + rows, image.height))).convert(mode))
        cv2.cvtColor(band, code, made[top : top + rows])
        if alpha is not None:
            cv2.extractChannel(band, 3, alpha[top : top + rows])
    return made


def from_cmyk(inks: Pixels, profile: bytes) -> Raster:
    """Convert CMYK, 255 all ink, to sRGB by its ICC profile; without a sound one, as light that each ink takes away."""
    bgr = _by_profile(inks, profile)
    if bgr is None:
        light = cv2.bitwise_not(inks)
        black = convert(np.ascontiguousarray(light[:, :, 3], np.uint8), cv2.COLOR_GRAY2BGR)
        bgr = np.asarray(
            cv2.multiply(convert(np.asarray(light, np.uint8), cv2.COLOR_RGBA2BGR), black, scale=1 / 255), np.uint8
        )
    return Raster(bgr, coloured=False)


def _by_profile(inks: Pixels, profile: bytes) -> Pixels | None:
    """Convert by LittleCMS; None where the profile is none for CMYK, or is broken."""
    size = int.from_bytes(profile[:4])
    sound = 128 <= size <= min(len(profile), MAX_CMYK_PROFILE_BYTES) and profile[36:40] == b"acsp"
    if not sound or profile[16:20] != b"CMYK":
        return None
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile[:size]))
        intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
        flags = ImageCms.Flags.BLACKPOINTCOMPENSATION
        transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), "CMYK", "RGB", intent, flags)
        rgb = ImageCms.applyTransform(Image.fromarray(inks, "CMYK"), transform)
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None
    return None if rgb is None else convert(np.asarray(rgb), cv2.COLOR_RGB2BGR)


def convert(pixels: Pixels, code: int) -> Pixels:
    """Convert colours by OpenCV's code."""
    return np.asarray(cv2.cvtColor(pixels, code), np.uint8)
