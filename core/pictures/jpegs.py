"""Decode JPEGs, complete ones only: the segments that pixels depend on, whether all are there, and the pixels.

libjpeg-turbo warns where data are missing or damaged, and goes on. OpenCV and Pillow ignore its warnings and return
half a picture; here every one of them is an error, and oddities that lose no pixel are removed from the file before.
"""

from dataclasses import dataclass, replace

import numpy as np
import simplejpeg  # type: ignore[import-untyped]  # its stubs lack the py.typed marker
from numpy.typing import NDArray

from core.errors import UndecodableImage
from core.pictures import headers, jpeg_padding, odd_jpegs

Pixels = NDArray[np.uint8]

# Progressive files have about ten scans. Each costs a pass over the picture and may take up sixty bytes of the file.
MAX_SCANS = 64
# What libjpeg-turbo's inverse transform does with SIMD (of its other fractions, 3/8 takes longer than all of it).
REDUCTIONS = (8, 4, 2)
JFIF = b"\xff\xe0\x00\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0"
SEQUENTIAL = (0xC0, 0xC1)
WHOLE_SCAN = b"\0\x3f\0"  # all coefficients, all bits: what a scan of a sequential JPEG covers, whatever it states
# The colours that Adobe's segment may state, by the number of components; others mean the first (as libjpeg's do).
TRANSFORMS = {3: b"\1\0", 4: b"\2\0"}
UNNAMED_SAMPLING = "Could not determine subsampling"


@dataclass(frozen=True)
class JpegSegments:
    """The segments of a JPEG that its pixels depend on, the last of them its end marker.

    data: which are scans' data; marker, frame: the frame header's, and its body; scans: their headers' bodies.
    """

    segments: list[bytes]
    data: list[int]
    marker: int
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
    jpeg = _normalized(_pixel_segments(data))
    _check_scans(jpeg)
    try:
        return _decode_strictly(b"".join(jpeg.segments), reduction)
    except ValueError as error:
        if UNNAMED_SAMPLING in str(error):
            _check_restarts(jpeg)
            return odd_jpegs.decode(jpeg.segments, jpeg.data, reduction)
        extraneous = jpeg_padding.EXTRANEOUS.search(str(error))
        if not extraneous:
            raise
    return _decode_strictly(_without_padding(jpeg, int(extraneous[2], 16)), reduction)


def _decode_strictly(data: bytes, reduction: int) -> tuple[Pixels, str]:
    """Decode a JPEG; ValueError on whatever libjpeg-turbo warns of."""
    height, width, space, _ = simplejpeg.decode_jpeg_header(data)
    least = {"min_height": -(-height // reduction), "min_width": -(-width // reduction)}
    return simplejpeg.decode_jpeg(data, "CMYK" if space in ("CMYK", "YCCK") else "BGR", **least), space


def _without_padding(jpeg: JpegSegments, marker: int) -> bytes:
    """Return the JPEG without bytes that its pixels don't need, the first of them before `marker`."""

    def check(part: bytes) -> None:
        _decode_strictly(part, REDUCTIONS[0])

    if jpeg.marker in SEQUENTIAL and len(jpeg.data) == 1:
        (place,) = jpeg.data
        scan = jpeg_padding.remove_from_scan(jpeg.segments[:place], jpeg.frame, jpeg.segments[place], check)
        return b"".join([*jpeg.segments[:place], scan, *jpeg.segments[place + 1 :]])
    blemished = jpeg.data[-1:] if marker == headers.EOI else jpeg.data
    return b"".join(jpeg_padding.remove_between_scans(jpeg.segments, blemished, check))


def _check_restarts(jpeg: JpegSegments) -> None:
    """Raise UndecodableImage for a JPEG that lacks restart markers; where several scans have them, for any."""
    if jpeg.marker in SEQUENTIAL and len(jpeg.data) == 1:
        (place,) = jpeg.data
        jpeg_padding.split(jpeg.segments[:place], jpeg.frame, jpeg.segments[place])
    elif any(jpeg_padding.RESTART.search(jpeg.segments[place]) for place in jpeg.data):
        raise UndecodableImage("such a JPEG is not read with restart markers in several scans")


def _pixel_segments(data: bytes) -> JpegSegments:
    """Return the segments that hold pixels: no metadata, no bytes between segments, nothing after the end marker.

    A missing end marker is added: whether anything else is missing, the decoder tells.
    """
    segments, places, frame, kind = [b"\xff\xd8"], [], b"", 0
    scans: list[bytes] = []
    scan_start = 0  # where the data of the previous scan begin
    for marker, start, end in headers.segments(data, closed=False):
        if scan_start:
            places.append(len(segments))
            segments.append(data[scan_start:start])
        scan_start = end if marker == headers.SOS else 0
        _check_place(marker, frame, scans)
        if marker == headers.SOS:
            scans.append(data[start + 4 : end])
        if marker in headers.JPEG_FRAMES:
            frame, kind = data[start + 4 : end], marker
        if marker == headers.EOI:
            segments.append(b"\xff\xd9")
        elif marker == headers.APP0 and data[start + 4 : start + 9] == b"JFIF\0":
            segments.append(JFIF)
        elif marker < headers.APP0 or marker == headers.APP14:
            segments.append(data[start:end])
    return JpegSegments(segments, places, kind, frame, scans)


def _check_place(marker: int, frame: bytes, scans: list[bytes]) -> None:
    """Raise UndecodableImage for a segment that a picture does not have after such a frame and such scans."""
    if marker == headers.SOI:
        raise UndecodableImage("a second picture begins before the end of the first")
    if marker == headers.SOS and len(scans) == MAX_SCANS:  # decoding them may take minutes
        raise UndecodableImage(f"the JPEG has more than {MAX_SCANS} scans")
    if marker in headers.JPEG_FRAMES and (frame or marker > 0xC2):
        raise UndecodableImage("only baseline and progressive JPEG of one frame are read")


def _normalized(jpeg: JpegSegments) -> JpegSegments:
    """Correct what some encoders state wrongly, and what every viewer reads all the same."""
    transforms = TRANSFORMS.get(jpeg.frame[5])

    def corrected(segment: bytes) -> bytes:
        if segment[1] == headers.SOS and jpeg.marker in SEQUENTIAL:
            return segment[:-3] + WHOLE_SCAN
        adobe = segment[1] == headers.APP14 and segment[4:9] == b"Adobe" and len(segment) >= 16
        if adobe and transforms and segment[15] not in transforms:
            return segment[:15] + transforms[:1] + segment[16:]
        return segment

    segments = [s if n in jpeg.data else corrected(s) for n, s in enumerate(jpeg.segments)]
    scans = [scan[:-3] + WHOLE_SCAN for scan in jpeg.scans] if jpeg.marker in SEQUENTIAL else jpeg.scans
    return replace(jpeg, segments=segments, scans=scans)


def _check_scans(jpeg: JpegSegments) -> None:
    """Raise UndecodableImage for a JPEG that lacks scans.

    A file that is cut between two scans and closed again decodes without a warning.
    """
    missing = {jpeg.frame[6 + 3 * n]: bytearray(b"\xff" * 64) for n in range(jpeg.frame[5])}
    for scan in jpeg.scans:
        count = scan[0]
        first, last, bits = scan[1 + 2 * count : 4 + 2 * count]
        for component in scan[1 : 1 + 2 * count : 2]:
            missing[component][first : last + 1] = bytes([bits & 15]) * (last + 1 - first)
    if any(any(table) for table in missing.values()):
        raise UndecodableImage("scans of the JPEG are missing")
