"""Pixels as a decoder returns them: 8 bits, BGR, not yet upright."""

from dataclasses import dataclass
from io import BytesIO

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from core.errors import UndecodableImage

Pixels = NDArray[np.uint8]

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
        return Raster(convert(np.asarray(image.convert("L")), cv2.COLOR_GRAY2BGR), coloured=False)
    coloured = mode not in ("LA", "La", "CMYK")
    if mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        rgba = np.asarray(image.convert("RGBA"))
        return Raster(convert(rgba, cv2.COLOR_RGBA2BGR), np.ascontiguousarray(rgba[:, :, 3]), coloured)
    return Raster(convert(np.asarray(image.convert("RGB")), cv2.COLOR_RGB2BGR), None, coloured)


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
