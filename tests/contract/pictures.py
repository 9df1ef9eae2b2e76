"""Pictures for the contract's tests: two photographs with one face each, and what can be drawn from them.

Boxes are left, top, right, bottom in pixels of the upright picture.
"""

import io
import struct
import zlib
from functools import cache
from typing import Any

import cv2
import numpy as np
import pillow_heif
from matplotlib import cbook
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageDraw, PngImagePlugin
from skimage import data

Box = tuple[float, float, float, float]
Pixels = NDArray[np.uint8]

ASTRONAUT_FACE: Box = (
    180.5,
    58.0,
    271.0,
    179.0,
)  # measured: mean of two published SCRFD models, good to about 6 pixels
HOPPER_FACE: Box = (180.5, 122.5, 350.0, 333.0)  # measured: as above

# How stored pixels are turned so that the EXIF orientation makes them upright again.
_STORED: dict[int, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
_ORIENTATION = 0x0112


@cache
def astronaut() -> Image.Image:
    """A portrait of 512 × 512 without a pure black pixel, so that a black mask shows wherever it lies."""
    return Image.fromarray(np.maximum(data.astronaut(), 8))


@cache
def hopper() -> Image.Image:
    """A portrait of 512 × 600 without a pure black pixel."""
    with Image.open(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)) as picture:
        return Image.fromarray(np.maximum(np.asarray(picture.convert("RGB")), 8))


@cache
def landscape(width: int = 640, height: int = 480) -> Image.Image:
    """Sky, sun and hills: no face."""
    rows, columns = np.mgrid[0:height, 0:width]
    sky = np.stack([90 + rows * 80 // height, 140 + rows * 60 // height, 230 - columns * 40 // width], axis=-1)
    picture = Image.fromarray(sky.astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    draw.polygon([(0, height), (width // 3, height // 2), (width * 2 // 3, height)], fill=(40, 110, 50))
    draw.polygon([(width // 3, height), (width * 4 // 5, height * 3 // 5), (width, height)], fill=(60, 130, 40))
    return picture


@cache
def group(columns: int, rows: int = 1, cell: int = 256) -> Image.Image:
    """Portraits of the two people in turn, on a grid: columns × rows faces."""
    picture = Image.new("RGB", (columns * cell, rows * cell), (120, 130, 140))
    for place in range(columns * rows):
        person = (astronaut() if place % 2 == 0 else hopper().crop((0, 0, 512, 512))).resize((cell, cell))
        picture.paste(person, (place % columns * cell, place // columns * cell))
    return picture


@cache
def close_up(width: int = 512, height: int = 512, margin: float = 0.0) -> Image.Image:
    """The astronaut's face alone, from edge to edge; margin in parts of the face's width and height."""
    left, top, right, bottom = ASTRONAUT_FACE
    across, down = margin * (right - left), margin * (bottom - top)
    box = (left - across, top - down, right + across, bottom + down)
    return astronaut().resize((width, height), Image.Resampling.BICUBIC, box=box)


def encoded(picture: Image.Image, kind: str, **options: Any) -> bytes:
    """The picture as a file of this kind: a format's name as Pillow has it."""
    buffer = io.BytesIO()
    if kind == "HEIF":
        pillow_heif.register_heif_opener()
    # A copy, because Pillow leaves the settings of one format's encoder on the picture and gives them to the next.
    picture.copy().save(buffer, kind, **options)
    return buffer.getvalue()


def decoded(file: bytes) -> Image.Image:
    """The file's first frame as it is stored: no orientation applied."""
    picture = Image.open(io.BytesIO(file))
    picture.load()
    return picture


def pixels(file: bytes | Image.Image, mode: str = "RGB") -> Pixels:
    """Pixels of a file or a picture: uint8, shape (height, width, channels)."""
    picture = decoded(file) if isinstance(file, bytes) else file
    return np.asarray(picture.convert(mode))


@cache
def portrait(kind: str = "JPEG") -> bytes:
    """The astronaut as a file, lossless wherever the format can be."""
    lossless: dict[str, dict[str, Any]] = {"JPEG": {"quality": 95}, "WEBP": {"lossless": True}}
    options = lossless.get(kind, {})
    return encoded(astronaut(), kind, **options)


def turned(picture: Image.Image, orientation: int, kind: str = "JPEG", **options: Any) -> bytes:
    """A file whose stored pixels need this EXIF orientation to be upright."""
    stored = picture.transpose(_STORED[orientation]) if orientation in _STORED else picture
    if kind == "TIFF":
        return encoded(stored, kind, tiffinfo={_ORIENTATION: orientation}, **options)
    exif = Image.Exif()
    exif[_ORIENTATION] = orientation
    return encoded(stored, kind, exif=exif, **options)


@cache
def colour_profile() -> bytes:
    """A small ICC profile for RGB."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


SECRETS = (b"SECRET-MAKER", b"SECRET-PLACE", b"SECRET-PACKET", b"SECRET-REMARK", b"SECRET-THUMBNAIL", b"SECRET-TRAILER")


def _exif() -> bytes:
    exif = Image.Exif()
    exif[0x010F] = "SECRET-MAKER"
    exif.get_ifd(0x8825).update({1: "N", 2: (50.0, 5.0, 0.0), 3: "E", 4: (14.0, 25.0, 0.0), 29: "SECRET-PLACE"})
    return exif.tobytes()


def _thumbnail() -> bytes:
    small = encoded(astronaut().resize((64, 64)), "JPEG", comment=b"SECRET-THUMBNAIL")
    body = b"JFXX\x00\x10" + small
    return b"\xff\xe0" + struct.pack(">H", len(body) + 2) + body


_XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><note>SECRET-PACKET</note></x:xmpmeta>'


def talkative(picture: Image.Image, kind: str) -> bytes:
    """A file with everything that tells more than pixels: EXIF, place, XMP, comment, thumbnail, trailing data, ICC."""
    profile = colour_profile()
    if kind == "JPEG":
        file = encoded(picture, kind, quality=95, exif=_exif(), xmp=_XMP, comment=b"SECRET-REMARK", icc_profile=profile)
        file = file[:2] + _thumbnail() + file[2:]
    elif kind == "PNG":
        notes = PngImagePlugin.PngInfo()
        notes.add_text("Comment", "SECRET-REMARK")
        notes.add_itxt("XML:com.adobe.xmp", _XMP.decode())
        file = encoded(picture, kind, pnginfo=notes, exif=_exif(), icc_profile=profile)
    elif kind == "WEBP":
        file = encoded(picture, kind, quality=95, exif=_exif(), xmp=_XMP, icc_profile=profile)
    elif kind in ("HEIF", "AVIF"):
        thumbnails = {"thumbnails": [64]} if kind == "HEIF" else {}
        file = encoded(picture, kind, quality=95, exif=_exif(), xmp=_XMP, icc_profile=profile, **thumbnails)
    else:
        file = encoded(picture, kind, tiffinfo={270: "SECRET-REMARK", 271: "SECRET-MAKER"}, icc_profile=profile)
    return file + b"SECRET-TRAILER"


def jpeg_segments(file: bytes) -> list[tuple[int, bytes]]:
    """Marker and body of each segment of a JPEG, and 0 with whatever follows the end of the picture."""
    assert file[:2] == b"\xff\xd8"
    found: list[tuple[int, bytes]] = []
    at = 2
    while at < len(file):
        marker = file[at + 1]
        if marker == 0xD9:
            return [*found, (0, file[at + 2 :])] if at + 2 < len(file) else found
        (length,) = struct.unpack(">H", file[at + 2 : at + 4])
        found.append((marker, file[at + 4 : at + 2 + length]))
        at += 2 + length
        if marker == 0xDA:
            while file[at] != 0xFF or file[at + 1] == 0 or 0xD0 <= file[at + 1] <= 0xD7:
                at += 1
    return found


def png_chunks(file: bytes) -> list[str]:
    """Names of a PNG's chunks; "trailer" when anything follows the last."""
    assert file[:8] == b"\x89PNG\r\n\x1a\n"
    found, at = [], 8
    while at < len(file):
        (length,) = struct.unpack(">I", file[at : at + 4])
        found.append(file[at + 4 : at + 8].decode("latin-1"))
        at += 12 + length
        if found[-1] == "IEND":
            return [*found, "trailer"] if at < len(file) else found
    return found


def webp_chunks(file: bytes) -> list[str]:
    """Names of a WebP's chunks; "trailer" when anything follows the last."""
    assert file[:4] == b"RIFF" and file[8:12] == b"WEBP"
    end = 8 + struct.unpack("<I", file[4:8])[0]
    found, at = [], 12
    while at < end:
        found.append(file[at : at + 4].decode("latin-1"))
        (length,) = struct.unpack("<I", file[at + 4 : at + 8])
        at += 8 + length + length % 2
    return [*found, "trailer"] if end < len(file) else found


def _png_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_header(width: int, height: int) -> bytes:
    """A PNG that promises this size and holds next to no pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _png_chunk(b"IHDR", header)
        + _png_chunk(b"IDAT", zlib.compress(bytes(64)))
        + _png_chunk(b"IEND", b"")
    )


def jpeg_header(width: int, height: int) -> bytes:
    """A JPEG that promises this size and holds the pixels of a tiny picture."""
    file = encoded(Image.new("RGB", (16, 16), (90, 90, 90)), "JPEG")
    at = file.index(b"\xff\xc0") + 5
    return file[:at] + struct.pack(">HH", height, width) + file[at + 4 :]


def bmp_header(width: int, height: int) -> bytes:
    """A BMP that promises this size and holds next to no pixels."""
    file = encoded(Image.new("RGB", (4, 4)), "BMP")
    return file[:18] + struct.pack("<ii", width, height) + file[26:]


def tiff_header(width: int, height: int) -> bytes:
    """A TIFF that promises this size and holds next to no pixels."""
    tags = [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, 1, 8),
        (259, 3, 1, 1),
        (262, 3, 1, 1),
        (273, 4, 1, 4096),
        (277, 3, 1, 1),
        (278, 4, 1, height),
        (279, 4, 1, width * height),
    ]
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return b"II*\x00\x08\x00\x00\x00" + struct.pack("<H", len(tags)) + entries + bytes(4)


# Files of other kinds, each with the beginning that gives it away.
STRANGERS: dict[str, bytes] = {
    "gif": encoded(Image.new("P", (32, 32)), "GIF"),
    "text": b"The quick brown fox jumps over the lazy dog.\n" * 20,
    "pdf": b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n",
    "film": b"\x00\x00\x00\x18ftypisom\x00\x00\x00\x00mp42isom" + bytes(200),
    "svg": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
    "icon": encoded(Image.new("RGB", (32, 32)), "ICO"),
    "photoshop": b"8BPS\x00\x01" + bytes(200),
    "portable": encoded(Image.new("RGB", (32, 32)), "PPM"),
    "jpeg2000": b"\x00\x00\x00\x0cjP  \r\n\x87\n" + bytes(200),
    "html": b"<!doctype html><html><body>photo</body></html>",
    "zip": b"PK\x03\x04" + bytes(200),
    "zeros": bytes(1000),
    "one_byte": b"\xff",
}


def png16(deep: NDArray[np.uint16]) -> bytes:
    """A PNG of 16 bits a sample; shape (height, width) or (height, width, 3) in the order blue, green, red."""
    done, file = cv2.imencode(".png", deep)
    assert done
    return file.tobytes()
