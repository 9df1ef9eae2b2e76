"""JPEGs whose chroma subsampling TurboJPEG's interface can't name, such as CMYK of which only one ink is subsampled.

Pillow decodes them, but ignores what is missing. So they are decoded several times, with other bytes after the data of
each scan: pixels that depend on those bytes are pixels that the file lacks.
"""

import re
from io import BytesIO

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL.JpegImagePlugin import JpegImageFile

from core.errors import UndecodableImage
from core.pictures import jpeg_padding

Pixels = NDArray[np.uint8]

SPACES = {"CMYK": "CMYK", "L": "Gray", "RGB": "YCbCr"}
RESTART = re.compile(rb"(?=\xff[\xd0-\xd7])")
# Bytes that differ from each other in their first bits already, and in whether an entropy decoder knows them as codes.
TAILS = (b"", bytes(64), b"\xaa" * 64, b"\x55" * 64, np.random.default_rng(1).bytes(64).replace(b"\xff", b"\xe7"))


def decode(segments: list[bytes], data: list[int], reduction: int) -> tuple[Pixels, str]:
    """Decode a JPEG, given as segments of which `data` are scans' data: as `jpegs.decode`, and as strict."""
    whole, space = _decode(segments, data, TAILS[0])
    for tail in TAILS[1:]:
        if not np.array_equal(_decode(segments, data, tail)[0], whole):
            raise UndecodableImage("data of the JPEG are missing")
    if reduction > 1:
        height, width = whole.shape[:2]
        whole = np.asarray(
            cv2.resize(whole, (-(-width // reduction), -(-height // reduction)), interpolation=cv2.INTER_AREA), np.uint8
        )
    return whole, space


def _decode(segments: list[bytes], data: list[int], tail: bytes) -> tuple[Pixels, str]:
    tailed = [_tailed(part, tail) if n in data else part for n, part in enumerate(segments)]
    image = JpegImageFile(BytesIO(b"".join(tailed)))
    pixels = np.asarray(image)
    if image.mode == "CMYK":
        return np.asarray(255 - pixels, np.uint8), "CMYK"
    code = cv2.COLOR_GRAY2BGR if image.mode == "L" else cv2.COLOR_RGB2BGR
    return np.asarray(cv2.cvtColor(pixels, code), np.uint8), SPACES[image.mode]


def _tailed(scan: bytes, tail: bytes) -> bytes:
    """Append a tail to each part of a scan's data, in place of what may have been filled up."""
    parts = [part.rstrip(b"\xff") for part in RESTART.split(scan)]  # fill bytes: those of pixels have a zero behind
    bare = [part[: len(part) - max(0, jpeg_padding.filling(part) - jpeg_padding.KEPT)] for part in parts]
    return b"".join(part + tail for part in bare)
