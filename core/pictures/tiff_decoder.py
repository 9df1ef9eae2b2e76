"""TIFF: the first page, without the tags that its pixels don't depend on, and only if every strip and tile is complete.

Pillow and libtiff decode; here the file is checked and narrowed before they see it.
"""

import struct
import zlib
from io import BytesIO

import numpy as np
from PIL.TiffImagePlugin import TiffImageFile

from core.errors import UndecodableImage
from core.pictures import headers, jpegs, rasters, tiff_samples, tiffs
from core.pictures.rasters import Pixels, Raster

# The tags that a TIFF's pixels depend on (TIFF 6.0): those of one value, and those of many.
SINGLE_VALUE_TAGS = {256, 257, 259, 262, 266, 277, 278, 284, 292, 293, 317, 322, 323, 332}
MULTI_VALUE_TAGS = {258, 273, 279, 320, 324, 325, 338, 339, 347, 529, 530, 532}
STRIP_OFFSETS, STRIP_BYTE_COUNTS = 273, 279
TILE_WIDTH, TILE_LENGTH, TILE_OFFSETS, TILE_BYTE_COUNTS = 322, 323, 324, 325
COMPRESSION, JPEG_TABLES, NO_COMPRESSION, JPEG_COMPRESSION = 259, 347, 1, 7
DEFLATE_COMPRESSIONS = {8, 32946}
# None, LZW, JPEG, deflate (two), PackBits, LZMA, zstd. Not the fax codes: libtiff makes no error of their damage.
COMPRESSIONS = {1, 5, 7, 8, 32946, 32773, 34925, 50000}
MAX_TILE_PIXELS = 2**24  # of a tile, 4096 × 4096
MAX_SHARED = 2**24  # chosen: bytes by which all strips together may exceed the file, since equal tiles may share theirs
MAX_PIXEL_BYTES, MAX_SLACK = 16, 2**26  # of a pixel; of tiles that reach over the edge


def decode(data: bytes) -> Raster:
    """Decode the first page of a TIFF."""
    directory = tiffs.directory(data)
    compression = directory.number(COMPRESSION, NO_COMPRESSION)
    if compression not in COMPRESSIONS:
        raise UndecodableImage(f"TIFFs of compression {compression} are not read")
    clean = _keep_pixel_tags(data, directory)
    _check_total(data, directory)
    if compression in DEFLATE_COMPRESSIONS | {JPEG_COMPRESSION}:
        _check_segments(data, directory, compression)
    if layout := tiff_samples.layout(directory, data):
        return tiff_samples.decode(directory, data, layout, lambda page: _read_bytes(data, page))
    image = TiffImageFile(BytesIO(clean))
    if image.mode == "CMYK":
        return rasters.from_cmyk(np.asarray(image), directory.profile(data))
    return rasters.from_pillow(image)


def _read_bytes(data: bytes, page: tiffs.TiffDirectory) -> Pixels:
    """Read a page of 8-bit grey, (height, width)."""
    image = TiffImageFile(BytesIO(_keep_pixel_tags(data, page)))
    if image.mode != "L":
        raise UndecodableImage("the samples of the TIFF are of another kind")
    return np.asarray(image)


def _keep_pixel_tags(data: bytes, directory: tiffs.TiffDirectory) -> bytes:
    """Narrow a TIFF's directory, in place, to the tags that pixels depend on; the other pages are cut off.

    Pillow reads every tag of every directory, and rotates the picture by its orientation. In place, because
    bytes added at the end would be read as pixels that are missing there.
    """
    entries, total = [], 0
    for tag, (kind, count, value) in sorted(directory.entries.items()):
        if tag not in SINGLE_VALUE_TAGS | MULTI_VALUE_TAGS:
            continue
        if not 1 <= count <= (1 if tag in SINGLE_VALUE_TAGS else tiffs.MAX_VALUES):
            raise UndecodableImage("a tag of the TIFF has too many values, or none")
        if tiffs.TYPE_SIZES[kind] * count > 4:
            start, end = directory.span(tag, data)
            total += end - start
        entries.append(struct.pack(directory.order + "HHI4s", tag, kind, count, value))
    if total > len(data) or directory.number(TILE_WIDTH) * directory.number(TILE_LENGTH) > MAX_TILE_PIXELS:
        raise UndecodableImage("the TIFF's directory or its tiles are too large")
    table = struct.pack(directory.order + "H", len(entries)) + b"".join(entries) + bytes(4)
    return data[: directory.start] + table + data[directory.start + len(table) :]


def _check_total(data: bytes, directory: tiffs.TiffDirectory) -> None:
    """Refuse strips that overlap so much that reading them takes far longer than reading the file."""
    total = sum(end - start for start, end in _segments(data, directory))
    if total > len(data) + MAX_SHARED:
        raise UndecodableImage("the strips of the TIFF are larger than the file")


def _segments(data: bytes, directory: tiffs.TiffDirectory) -> list[tuple[int, int]]:
    """Return (start, end) of each strip or tile, as far as it is in the file; of none where the tags are missing."""
    tags = (STRIP_OFFSETS, STRIP_BYTE_COUNTS), (TILE_OFFSETS, TILE_BYTE_COUNTS)
    offset_tag, size_tag = tags[TILE_OFFSETS in directory.entries]
    if not {offset_tag, size_tag} <= directory.entries.keys():
        return []
    offsets, sizes = directory.numbers(offset_tag, data), directory.numbers(size_tag, data)
    return [(start, max(start, min(start + size, len(data)))) for start, size in zip(offsets, sizes, strict=True)]


def _check_segments(data: bytes, directory: tiffs.TiffDirectory, compression: int) -> None:
    """Check that each strip or tile is complete: libtiff ignores libjpeg's warnings and deflate's checksum."""
    segments = _segments(data, directory)
    start, end = directory.span(JPEG_TABLES, data) if JPEG_TABLES in directory.entries else (0, 0)
    tables = data[start : end - 2] if end else b"\xff\xd8"  # without their end marker
    budget = MAX_PIXEL_BYTES * directory.number(tiffs.WIDTH) * directory.number(tiffs.HEIGHT) + MAX_SLACK
    if not segments:
        raise UndecodableImage("the TIFF does not state where its strips are")
    if len(tables) * len(segments) > len(data) + MAX_SHARED:
        raise UndecodableImage("the tables of the TIFF are too large")
    for start, end in segments:
        segment = data[start:end]
        if compression == JPEG_COMPRESSION:
            segment = tables + segment[2:]
            header = headers.read(segment)
            budget -= header.width * header.height * 3
        else:
            budget -= _inflated_size(segment, budget)
        if budget < 0:
            raise UndecodableImage("the strips of the TIFF hold more than its picture")
        if compression == JPEG_COMPRESSION:
            jpegs.decode(segment)


def _inflated_size(deflated: bytes, budget: int) -> int:
    """Return the bytes that a deflated strip inflates to, or more than `budget`; zlib.error for a damaged one."""
    inflate, size = zlib.decompressobj(), 0
    while not inflate.eof and size <= budget:
        inflated = inflate.decompress(deflated, 2**24)
        deflated = inflate.unconsumed_tail
        if not inflated and not inflate.eof:
            raise UndecodableImage("a strip of the TIFF is cut off")
        size += len(inflated)
    return size
