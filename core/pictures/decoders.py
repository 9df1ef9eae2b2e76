"""Files in, pixels out, complete or not at all: one decoder for each format.

A decoder that only warns where data are missing hands back half a picture, and the missing half can hide a face. So
JPEG has a module of its own, HEIC goes through libheif, and the other formats through Pillow, which is strict about
them; and each decoder gets only those parts of the file that hold pixels.
"""

import struct
import zlib
from dataclasses import dataclass
from io import BytesIO

import cv2
import numpy as np
import pillow_heif
from numpy.typing import NDArray
from PIL import AvifImagePlugin, Image
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from core.errors import UndecodableImage
from core.pictures import headers, jpegs, tiffs
from core.pictures.heif import stills

Pixels = NDArray[np.uint8]

# Pillow decodes run-length BMPs in Python: slow enough for a time bomb.
MAX_RLE_BYTES, MAX_RLE_PIXELS = 4 * 2**20, 8_000_000
MAX_VALUES, MAX_TILE_PIXELS = 3 * 2**16, 2**24  # of a tag, the largest palette's; of a tile, 4096 × 4096
# The tags that a TIFF's pixels depend on (TIFF 6.0): those of one value, and those of many.
TIFF_SINGLE = {256, 257, 259, 262, 266, 277, 278, 284, 292, 293, 317, 322, 323, 332}
TIFF_MANY = {258, 273, 279, 320, 324, 325, 338, 339, 347, 529, 530, 532}
STRIP_PLACES, STRIP_SIZES, TILE_WIDTH, TILE_HEIGHT, TILE_PLACES, TILE_SIZES = 273, 279, 322, 323, 324, 325
PHOTOMETRIC, WHITE_IS_ZERO, BLACK_IS_ZERO = 262, 0, 1  # TIFF 6.0, section 8
COMPRESSION, JPEG_TABLES, NO_COMPRESSION, JPEG_COMPRESSION = 259, 347, 1, 7
DEFLATES = {8, 32946}
MAX_SAMPLE_BYTES, MAX_SLACK = 16, 2**26  # of a pixel; of tiles that reach over the edge
# None, LZW, JPEG, deflate (two), PackBits, LZMA, zstd. Not the fax codes: libtiff makes no error of their damage.
TIFF_COMPRESSIONS = {1, 5, 7, 8, 32946, 32773, 34925, 50000}


@dataclass(frozen=True)
class Raster:
    """Pixels as stored, not yet upright. bgr: (h, w, 3); alpha: (h, w) or None. coloured: neither grey nor CMYK."""

    bgr: Pixels
    alpha: Pixels | None = None
    coloured: bool = True


def decode_jpeg(data: bytes) -> Raster:
    """Decode JPEG; of an MPO, the first picture."""
    pixels, space = jpegs.decode(data)
    if space not in ("CMYK", "YCCK"):
        return Raster(pixels, coloured=space != "Gray")
    black = _convert(pixels[:, :, 3], cv2.COLOR_GRAY2BGR)
    bgr = cv2.multiply(_convert(pixels, cv2.COLOR_RGBA2BGR), black, scale=1 / 255)
    return Raster(np.asarray(bgr, np.uint8), coloured=False)


def decode_png(data: bytes) -> Raster:
    """Decode PNG; of an animation, its default picture. A wrong checksum of a part that holds pixels refuses it."""
    kept, key = [headers.PNG_SIGNATURE], b""
    for name, start, end in headers.chunks(data):
        if name not in (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"):
            continue
        if zlib.crc32(data[start - 4 : end]) != int.from_bytes(data[end : end + 4]):
            raise UndecodableImage("a checksum of the PNG is wrong")
        if name == b"IHDR":
            if len(kept) > 1:
                raise UndecodableImage("the PNG has a second header")
            depth, kind = data[start + 8 : start + 10]
        if name == b"tRNS" and kind != 3:
            key = data[start:end]  # Pillow misreads it where samples have not 8 bits
            continue
        kept.append(data[start - 8 : end + 4])
    clean = b"".join(kept)
    raster = _from_pillow(PngImageFile(BytesIO(clean)))
    if not key or raster.alpha is not None:
        return raster
    return Raster(raster.bgr, _alpha_of_key(clean, raster.bgr, key, depth), raster.coloured)


def _alpha_of_key(png: bytes, bgr: Pixels, key: bytes, depth: int) -> Pixels:
    """Return the alpha plane of a PNG of which one colour is transparent.

    key: that colour as 16-bit samples, one for grey or red, green, blue; depth: the bits of the file's samples.
    """
    colour = np.array(struct.unpack(f">{len(key) // 2}H", key)[::-1])
    samples: NDArray[np.generic] = bgr
    if depth == 16:
        # In 8 bits the colour could not be told from its neighbours.
        samples = np.asarray(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED))
    else:
        colour = colour * 255 // (2**depth - 1)
    keyed = (samples.reshape(*bgr.shape[:2], -1) == colour).all(axis=2)
    return np.where(keyed, 0, 255).astype(np.uint8)


def decode_webp(data: bytes) -> Raster:
    """Decode WebP; of an animation, the first frame."""
    for _ in headers.riff_chunks(data):
        pass  # each chunk is there as a whole
    return _from_pillow(WebPImageFile(BytesIO(data)))


def decode_bmp(data: bytes) -> Raster:
    """Decode BMP. An alpha channel of zeros only is what many programs write for an opaque picture."""
    image = BmpImageFile(BytesIO(data))
    if image.tile[0][0] == "bmp_rle" and (len(data) > MAX_RLE_BYTES or image.width * image.height > MAX_RLE_PIXELS):
        raise UndecodableImage("run-length BMPs are read up to 8 million pixels and 4 MiB")
    raster = _from_pillow(image)
    empty = raster.alpha is not None and not raster.alpha.any()
    return Raster(raster.bgr, None, raster.coloured) if empty else raster


def decode_tiff(data: bytes) -> Raster:
    """Decode the first page of a TIFF."""
    first = tiffs.directory(data)
    compression = first.number(COMPRESSION, NO_COMPRESSION)
    if compression not in TIFF_COMPRESSIONS:
        raise UndecodableImage(f"TIFFs of compression {compression} are not read")
    clean = _clean_tiff(data, first)
    if compression in DEFLATES | {JPEG_COMPRESSION}:
        _check_pieces(data, first, compression)
    image = TiffImageFile(BytesIO(clean))
    raster = _from_pillow(image)
    if image.mode.startswith("I;16") and first.number(PHOTOMETRIC, BLACK_IS_ZERO) == WHITE_IS_ZERO:
        # Pillow inverts what has 8 bits, but not this: a negative, in which no face is found.
        return Raster(np.asarray(cv2.bitwise_not(raster.bgr), np.uint8), raster.alpha, raster.coloured)
    return raster


def _clean_tiff(data: bytes, first: tiffs.TiffDirectory) -> bytes:
    """Narrow a TIFF's directory, in its place, to the tags that pixels depend on; the other pages are cut off.

    Pillow reads every tag of every directory, and turns the picture by its orientation. In its place, because bytes
    added at the end would stand in for pixels that are missing there.
    """
    kept, total = [], 0
    for tag, (kind, count, value) in sorted(first.entries.items()):
        if tag not in TIFF_SINGLE | TIFF_MANY:
            continue
        if not 1 <= count <= (1 if tag in TIFF_SINGLE else MAX_VALUES):
            raise UndecodableImage("a tag of the TIFF has too many values, or none")
        if tiffs.SIZES[kind] * count > 4:
            start, end = first.span(tag, data)
            total += end - start
        kept.append(struct.pack(first.order + "HHI4s", tag, kind, count, value))
    if total > len(data) or first.number(TILE_WIDTH) * first.number(TILE_HEIGHT) > MAX_TILE_PIXELS:
        raise UndecodableImage("the TIFF's directory or its tiles are too large")
    table = struct.pack(first.order + "H", len(kept)) + b"".join(kept) + bytes(4)
    return data[: first.start] + table + data[first.start + len(table) :]


def _check_pieces(data: bytes, first: tiffs.TiffDirectory, compression: int) -> None:
    """See that each strip or tile is whole: libtiff ignores libjpeg's warnings and deflate's checksum."""
    tiled = TILE_PLACES in first.entries
    places = first.numbers(TILE_PLACES if tiled else STRIP_PLACES, data)
    sizes = first.numbers(TILE_SIZES if tiled else STRIP_SIZES, data)
    start, end = first.span(JPEG_TABLES, data) if JPEG_TABLES in first.entries else (0, 0)
    tables = data[start : end - 2] if end else b"\xff\xd8"  # without their end marker
    budget = MAX_SAMPLE_BYTES * first.number(tiffs.WIDTH) * first.number(tiffs.HEIGHT) + MAX_SLACK
    for place, size in zip(places, sizes, strict=True):
        piece = data[place : place + size]
        if compression == JPEG_COMPRESSION:
            piece = tables + piece[2:]
            header = headers.read(piece)
            budget -= header.width * header.height * 3
        else:
            budget -= _inflated_size(piece, budget)
        if budget < 0:
            raise UndecodableImage("the strips of the TIFF hold more than its picture")
        if compression == JPEG_COMPRESSION:
            jpegs.decode(piece)


def _inflated_size(piece: bytes, budget: int) -> int:
    """Return the bytes that a deflated strip inflates to, or more than `budget`; zlib.error for a damaged one."""
    inflate, size = zlib.decompressobj(), 0
    while not inflate.eof and size <= budget:
        part = inflate.decompress(piece, 2**24)
        piece = inflate.unconsumed_tail
        if not part and not inflate.eof:
            raise UndecodableImage("a strip of the TIFF is cut off")
        size += len(part)
    return size


def decode_heic(data: bytes) -> Raster:
    """Decode the primary picture of a HEIC; libheif's own limits hold too."""
    still = stills.read(data)
    pillow_heif.options.DECODE_THREADS = 1  # a worker has a process for each CPU
    image = pillow_heif.open_heif(BytesIO(stills.plain(data, still))).to_pillow()
    return _cropped(_from_pillow(image), still)


def decode_avif(data: bytes) -> Raster:
    """Decode the primary picture of an AVIF; of a sequence, the still that stands for it."""
    still = stills.read(data)
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    return _cropped(_from_pillow(AvifImageFile(BytesIO(stills.plain(data, still)))), still)


def _cropped(raster: Raster, still: stills.Still) -> Raster:
    if raster.bgr.shape[1::-1] != still.size:
        raise UndecodableImage("the picture is not of the size that its header states")
    left, top, right, bottom = still.crop
    alpha = None if raster.alpha is None else np.ascontiguousarray(raster.alpha[top:bottom, left:right])
    return Raster(np.ascontiguousarray(raster.bgr[top:bottom, left:right]), alpha, raster.coloured)


def _from_pillow(image: Image.Image) -> Raster:
    """Turn any of Pillow's modes into 8 bits; UndecodableImage where samples of 32 bits leave the range open."""
    mode = image.mode
    if mode in ("I", "F"):
        raise UndecodableImage("samples of 32 bits are not read")
    if mode.startswith("I;16"):
        image.load()
        return Raster(_convert((np.asarray(image) >> 8).astype(np.uint8), cv2.COLOR_GRAY2BGR), coloured=False)
    if mode in ("1", "L"):
        return Raster(_convert(np.asarray(image.convert("L")), cv2.COLOR_GRAY2BGR), coloured=False)
    coloured = mode not in ("LA", "La", "CMYK")
    if mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        rgba = np.asarray(image.convert("RGBA"))
        return Raster(_convert(rgba, cv2.COLOR_RGBA2BGR), np.ascontiguousarray(rgba[:, :, 3]), coloured)
    return Raster(_convert(np.asarray(image.convert("RGB")), cv2.COLOR_RGB2BGR), None, coloured)


def _convert(pixels: Pixels, code: int) -> Pixels:
    """Convert colours by OpenCV's code."""
    return np.asarray(cv2.cvtColor(pixels, code), np.uint8)


DECODERS = {
    "jpeg": decode_jpeg,
    "png": decode_png,
    "webp": decode_webp,
    "bmp": decode_bmp,
    "tiff": decode_tiff,
    "heic": decode_heic,
    "avif": decode_avif,
}
