"""Test pictures: two portraits that come with libraries, drawn ones, and files made of them by other libraries."""

import struct
import zlib
from functools import cache
from io import BytesIO
from typing import Any

import numpy as np
import pillow_heif
from matplotlib import cbook
from numpy.typing import NDArray
from PIL import Image, ImageCms
from skimage import data

from core.pictures import images

Pixels = NDArray[np.uint8]

ORIENTATION = 274
MANY = 50_000_000  # pixels: the service's default limit
LIKE_JPEG = 6  # chosen: what flat colours and smooth ramps may lose by JPEG's rounding
# How Pillow writes each format, as exactly as it can.
WAYS: dict[str, dict[str, Any]] = {
    "jpeg": {"quality": 95, "subsampling": 0},
    "png": {},
    "webp": {"lossless": True},
    "bmp": {},
    "tiff": {},
    "heic": {"quality": -1, "chroma": 444},
    "avif": {"quality": 100, "subsampling": "4:4:4"},
}


@cache
def astronaut() -> Pixels:
    """A portrait, RGB, (512, 512, 3)."""
    return np.asarray(data.astronaut(), np.uint8)


@cache
def grace_hopper() -> Pixels:
    """A portrait, RGB, (600, 512, 3)."""
    with Image.open(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)) as picture:
        return np.asarray(picture.convert("RGB"), np.uint8)


@cache
def quarters(width: int = 96, height: int = 64) -> Pixels:
    """Four quarters, RGB: red, green / blue, yellow: its eight orientations all differ and survive JPEG."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[:] = (250, 250, 10)
    picture[: height // 2, : width // 2] = (250, 10, 10)
    picture[: height // 2, width // 2 :] = (10, 250, 10)
    picture[height // 2 :, : width // 2] = (10, 10, 250)
    return picture


@cache
def ramp(width: int = 64, height: int = 64) -> Pixels:
    """A smooth alpha plane, 0 to 255 from left to right."""
    return np.tile(np.linspace(0, 255, width).astype(np.uint8), (height, 1))


def file(pixels: NDArray[Any] | Image.Image, form: str, **options: Any) -> bytes:
    """Write a picture as Pillow does. pixels: RGB, grey, or an image of any mode."""
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    out = BytesIO()
    if form == "heic":
        pillow_heif.register_heif_opener()
        if "exif" in options:  # only of bytes it makes turns
            options["exif"] = options["exif"].tobytes()
    image.save(out, "heif" if form == "heic" else form, **options)
    return out.getvalue()


def opened(encoded: bytes) -> Image.Image:
    """Read a file as Pillow does: an opinion other than the service's."""
    image = Image.open(BytesIO(encoded))
    image.load()
    return image


def exif(orientation: int) -> Image.Exif:
    """An EXIF block with an orientation, a camera's name and a place."""
    block = Image.Exif()
    block[ORIENTATION] = orientation
    block[271] = "CAMERA-NAME"
    block.get_ifd(0x8825)[1] = "N"
    block.get_ifd(0x8825)[2] = (48.0, 51.0, 30.0)
    return block


def stored(upright: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn an upright picture to how a camera stores it with this orientation (the inverse of EXIF's table)."""
    turns = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: np.swapaxes(a, 0, 1),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: np.swapaxes(a[::-1, ::-1], 0, 1),
        8: lambda a: np.rot90(a, -1),
    }
    return np.ascontiguousarray(turns[orientation](upright))


@cache
def srgb_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def large_profile(size: int) -> bytes:
    """A profile that is sound as far as its header goes, and does not compress."""
    profile = bytearray(np.random.default_rng(0).bytes(size))
    profile[:4] = struct.pack(">I", size)
    profile[16:20], profile[36:40] = b"RGB ", b"acsp"
    return bytes(profile)


def chunk(name: bytes, body: bytes) -> bytes:
    """One chunk of a PNG."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(size: tuple[int, int], depth: int, kind: int, rows: bytes, *extra: bytes) -> bytes:
    """A PNG chunk by chunk. size: (width, height); rows: each with its filter byte; extra: chunks before the pixels."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, depth, kind, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(extra) + pixels


def bmp(size: tuple[int, int], bits: int, compression: int, pixels: bytes, masks: bytes = b"") -> bytes:
    """A BMP with a version 4 header. size: (width, height); 8 bits have a palette of black and white; masks: four."""
    palette = bytes(4) + b"\xff\xff\xff\0" if bits == 8 else b""
    header = struct.pack("<IiiHHIIiiII", 108, *size, 1, bits, compression, len(pixels), 0, 0, len(palette) // 4, 0)
    start = 14 + 108 + len(palette)
    rest = masks.ljust(68, b"\0") + palette + pixels
    return b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start) + header + rest


def segment(marker: int, body: bytes) -> bytes:
    """One segment of a JPEG."""
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


@cache
def whole_files() -> dict[str, bytes]:
    """Files of every format and way of coding."""
    portrait = Image.fromarray(astronaut()).resize((128, 128))
    with_alpha = portrait.copy()
    with_alpha.putalpha(Image.fromarray(ramp(128, 128)))
    tiffs = {f"tiff-{c}": file(portrait, "tiff", compression=c) for c in ("raw", "tiff_lzw", "jpeg", "packbits")}
    return tiffs | {
        "tiff-deflate": file(portrait, "tiff", compression="tiff_adobe_deflate"),
        "jpeg": file(portrait, "jpeg", quality=90),
        "jpeg-progressive": file(portrait, "jpeg", quality=90, progressive=True),
        "jpeg-grey": file(portrait.convert("L"), "jpeg"),
        "jpeg-cmyk": file(portrait.convert("CMYK"), "jpeg"),
        "jpeg-cmyk-halved": file(portrait.convert("CMYK"), "jpeg", subsampling=2),
        "jpeg-restarts": file(portrait, "jpeg", restart_marker_blocks=4),
        "png": file(portrait, "png"),
        "png-alpha": file(with_alpha, "png"),
        "webp": file(portrait, "webp"),
        "webp-alpha": file(with_alpha, "webp"),
        "webp-lossless": file(portrait, "webp", lossless=True),
        "bmp": file(portrait, "bmp"),
        "bmp-palette": file(portrait.convert("P"), "bmp"),
        "heic": file(portrait, "heic"),
        "heic-alpha": file(with_alpha, "heic"),
        "heic-grid": file(portrait, "heic", tile_size=64),
        "heic-grey": file(portrait.convert("L"), "heic"),
        "avif": file(portrait, "avif"),
        "avif-alpha": file(with_alpha, "avif"),
    }


def decoded(data: bytes) -> images.DecodedImage:
    return images.decode(data, MANY)


def rgb(picture: images.DecodedImage) -> NDArray[np.int64]:
    return picture.pixels[:, :, ::-1].astype(np.int64)


def furthest(one: NDArray[Any], other: NDArray[Any]) -> int:
    """Return the largest difference of two pictures of the same size."""
    assert one.shape == other.shape
    return int(np.abs(one.astype(np.int64) - other.astype(np.int64)).max())
