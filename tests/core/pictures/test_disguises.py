"""Files that different readers interpret differently."""

import struct
import zlib
from io import BytesIO

import pytest
from PIL import Image

from core.errors import ImageTooLarge, UndecodableImage
from core.pictures import headers, images

MOST = 1_000_000


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_header(width: int, height: int) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))


def test_png_with_second_header_is_refused() -> None:
    rows = chunk(b"IDAT", zlib.compress(bytes(11 * 10)))
    data = b"\x89PNG\r\n\x1a\n" + png_header(10, 10) + png_header(10_000, 10_000) + rows + chunk(b"IEND", b"")
    with pytest.raises(UndecodableImage):
        images.decode(data, MOST)


def test_webp_with_late_canvas_is_measured_by_its_pixels() -> None:
    large = BytesIO()
    Image.new("RGB", (2000, 2000)).save(large, "WEBP", lossless=True)
    pixels = large.getvalue()[12:]
    canvas = b"VP8X" + struct.pack("<I", 10) + bytes(4) + (9).to_bytes(3, "little") * 2
    body = b"WEBP" + pixels + canvas
    with pytest.raises(ImageTooLarge):
        headers.probe(b"RIFF" + struct.pack("<I", len(body)) + body, MOST)
