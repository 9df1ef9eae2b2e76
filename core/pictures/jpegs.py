"""Decode JPEGs, complete ones only: the segments that pixels depend on, whether all are there, and the pixels.

libjpeg-turbo warns where data are missing or damaged, and goes on. OpenCV and Pillow ignore its warnings and return
half a picture; here every one of them is an error, and harmless defects are removed from the file before.
"""

import re
from dataclasses import dataclass

import numpy as np
import simplejpeg  # type: ignore[import-untyped]  # its stubs lack the py.typed marker
from numpy.typing import NDArray

from core.errors import UndecodableImage
from core.pictures import headers

Pixels = NDArray[np.uint8]

# Progressive files have about ten scans. Each costs a pass over the picture and may take up sixty bytes of the file.
MAX_SCANS = 64
# Many cameras write up to this many extraneous bytes before the end marker; more of them mean damage.
MAX_EXTRANEOUS_BYTES = 16
EXTRANEOUS_BYTES = re.compile(r"(\d+) extraneous bytes before marker 0xd9")
# What libjpeg-turbo's inverse transform does with SIMD (of its other fractions, 3/8 takes longer than all of it).
REDUCTIONS = (8, 4, 2)
JFIF = b"\xff\xe0\x00\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0"


@dataclass(frozen=True)
class JpegSegments:
    """The segments of a JPEG that its pixels depend on, and the bodies of its frame header and scan headers."""

    segments: list[bytes]
    frame: bytes
    scans: list[bytes]


def reduction(width: int, height: int, least_side: int) -> int:
    """Return how many times smaller a JPEG may be decoded: 8, 4, 2 or 1, so that its longer side keeps `least_side`."""
    return next((factor for factor in REDUCTIONS if max(width, height) >= factor * least_side), 1)


def decode(data: bytes, reduction: int = 1) -> tuple[Pixels, str]:
    """Decode a baseline or progressive JPEG, of an MPO the first picture: (pixels, colour space).

    Pixels are BGR, or Gray's as BGR, or inverted CMYK (255 is no ink: Adobe's way, which everybody follows) where the
    colour space is "CMYK" or "YCCK". reduction: of `reduction`; each pixel is the mean of so many by so many, and all
    scans are read and checked as for the whole picture. ValueError or UndecodableImage for one that is not complete.
    """
    jpeg = _pixel_segments(data)
    _check_scans(jpeg)
    clean = b"".join(jpeg.segments)
    try:
        return _decode_strictly(clean, reduction)
    except ValueError as error:
        extraneous = EXTRANEOUS_BYTES.search(str(error))
        if not extraneous or int(extraneous[1]) > MAX_EXTRANEOUS_BYTES:
            raise
    return _decode_strictly(clean[: -2 - int(extraneous[1])] + clean[-2:], reduction)


def _decode_strictly(data: bytes, reduction: int) -> tuple[Pixels, str]:
    """Decode a JPEG; ValueError on whatever libjpeg-turbo warns of."""
    height, width, space, _ = simplejpeg.decode_jpeg_header(data)
    least = {"min_height": -(-height // reduction), "min_width": -(-width // reduction)}
    return simplejpeg.decode_jpeg(data, "CMYK" if space in ("CMYK", "YCCK") else "BGR", **least), space


def _pixel_segments(data: bytes) -> JpegSegments:
    """Return the segments that hold pixels: no metadata, no bytes between segments, nothing after the end marker."""
    segments, scans, frame = [b"\xff\xd8"], [], b""
    scan_start = 0  # where the data of the previous scan begin
    for marker, start, end in headers.segments(data):
        if scan_start:
            segments.append(data[scan_start:start])
        scan_start = end if marker == headers.SOS else 0
        if marker == headers.SOI:
            raise UndecodableImage("a second picture begins before the end of the first")
        if marker == headers.SOS:
            scans.append(data[start + 4 : end])
        if marker in headers.JPEG_FRAMES:
            if frame or marker > 0xC2:
                raise UndecodableImage("only baseline and progressive JPEG of one frame are read")
            frame = data[start + 4 : end]
        if marker == headers.APP0 and data[start + 4 : start + 9] == b"JFIF\0":
            segments.append(JFIF)
        elif marker < headers.APP0 or marker == headers.APP14:
            segments.append(data[start:end])
    return JpegSegments(segments, frame, scans)


def _check_scans(jpeg: JpegSegments) -> None:
    """Raise UndecodableImage for a JPEG that lacks scans, or has so many that decoding takes minutes.

    A file that is cut between two scans and closed again decodes without a warning.
    """
    if len(jpeg.scans) > MAX_SCANS:
        raise UndecodableImage(f"the JPEG has more than {MAX_SCANS} scans")
    missing = {jpeg.frame[6 + 3 * n]: bytearray(b"\xff" * 64) for n in range(jpeg.frame[5])}
    for scan in jpeg.scans:
        count = scan[0]
        first, last, bits = scan[1 + 2 * count : 4 + 2 * count]
        for component in scan[1 : 1 + 2 * count : 2]:
            missing[component][first : last + 1] = bytes([bits & 15]) * (last + 1 - first)
    if any(any(table) for table in missing.values()):
        raise UndecodableImage("scans of the JPEG are missing")
