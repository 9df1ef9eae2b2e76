"""HEIC and AVIF files of flat colours, as libheif and libavif write them."""

import struct
from typing import Any

from tests import pictures
from tests.pictures import WAYS

BOTH = ["heic", "avif"]
LIKE_HEVC = 8  # chosen: what a lossy picture of flat colours may lose


def flat(form: str, width: int = 96, height: int = 64, **options: Any) -> bytes:
    return pictures.file(pictures.quarters(width, height), form, **WAYS[form], **options)


def resized(data: bytes, width: int, height: int) -> bytes:
    """The file with another size in its header."""
    place = data.index(b"ispe") + 8
    return data[:place] + struct.pack(">II", width, height) + data[place + 8 :]
