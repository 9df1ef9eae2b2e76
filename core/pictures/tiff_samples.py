"""TIFF samples that Pillow refuses or misreads: 9 to 15 bits, 16 bits that hold fewer, planes, and alpha beside grey.

Their rows are read as if each byte were a pixel, and the samples are taken from the bytes here.
"""

import dataclasses
import struct
from collections.abc import Callable, Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import UndecodableImage
from core.pictures import rasters, tiffs
from core.pictures.rasters import Pixels, Raster
from core.pictures.tiffs import TiffDirectory

Samples = NDArray[np.uint16]
ReadBytes = Callable[[TiffDirectory], Pixels]  # the pixels of a page of 8-bit grey, (height, width)

BITS, COMPRESSION, PHOTOMETRIC, SAMPLES, MAX_SAMPLE, PLANAR, PREDICTOR = 258, 259, 262, 277, 281, 284, 317
TILE_WIDTH, EXTRA_SAMPLES, SAMPLE_FORMAT = 322, 338, 339
STRIPS, TILES = (273, 279), (324, 325)
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, CMYK, JPEG = 0, 1, 2, 5, 7
CHANNELS = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, CMYK: 4}
SEPARATE_PLANES, HORIZONTAL_DIFFERENCES = 2, 2
PREMULTIPLIED, UNSIGNED = 1, 1
ALPHAS = (PREMULTIPLIED, 2)
MAX_SAMPLES = 8  # chosen: colours, alpha, and some that are ignored
ROWS = 256  # chosen: unpacked at a time; numbers of four bytes are needed for each sample


@dataclasses.dataclass(frozen=True)
class SampleLayout:
    """How a page's samples are stored. bits: of each; count: of a pixel, colours first; planar: each in a plane."""

    photometric: int
    bits: int
    count: int
    planar: bool
    stated_range: int

    @property
    def channels(self) -> int:
        return CHANNELS[self.photometric]


def layout(directory: TiffDirectory, data: bytes) -> SampleLayout | None:
    """Return how a page's samples are stored, if they have to be read here."""
    photometric = directory.number(PHOTOMETRIC, BLACK_IS_ZERO)
    bits = directory.numbers(BITS, data) if BITS in directory.entries else (1,)
    if photometric not in CHANNELS or not 8 <= bits[0] <= 16 or set(bits) != {bits[0]}:
        return None
    count = directory.number(SAMPLES, 1)
    planar = directory.number(PLANAR, 1) == SEPARATE_PLANES
    kind = directory.entries.get(MAX_SAMPLE, (0,))[0]
    stated = max(directory.numbers(MAX_SAMPLE, data), default=0) if kind in (3, 4) else 0
    grey = CHANNELS[photometric] == 1 and directory.number(COMPRESSION, 1) != JPEG
    special_grey = grey and (count > 1 or bits[0] > 8)
    if planar or special_grey or 8 < bits[0] < 16 or (bits[0] == 16 and 0 < stated < 2**15):
        return SampleLayout(photometric, bits[0], count, planar, stated)
    return None


def decode(directory: TiffDirectory, data: bytes, found: SampleLayout, read_bytes: ReadBytes) -> Raster:
    """Decode a page of such samples, to 8 bits."""
    formats = directory.numbers(SAMPLE_FORMAT, data) if SAMPLE_FORMAT in directory.entries else ()
    if not found.channels <= found.count <= MAX_SAMPLES or set(formats) - {UNSIGNED}:
        raise UndecodableImage("TIFFs of such samples are not read")
    planes = [
        _read(page, found, 1 if found.planar else found.count, read_bytes) for page in _pages(directory, data, found)
    ]
    samples = np.concatenate(planes, axis=2) if len(planes) > 1 else planes[0]
    # The stated range says how the brightest sample looks; brighter ones than that state a larger one.
    colours = samples[:, :, : found.channels]
    largest = min(found.stated_range or 2**16, 2**found.bits - 1)
    depth = max(8, largest.bit_length(), int(colours.max()).bit_length())
    pixels = (colours >> (depth - 8)).astype(np.uint8)
    extra = directory.numbers(EXTRA_SAMPLES, data) if EXTRA_SAMPLES in directory.entries else (0,)
    alpha = None
    if found.count > found.channels and extra[0] in ALPHAS:
        alpha = (samples[:, :, found.channels] >> (found.bits - 8)).astype(np.uint8)
    if alpha is not None and extra[0] == PREMULTIPLIED:
        pixels = _unmultiplied(pixels, alpha)
    raster = _raster(pixels, found, data, directory)
    return dataclasses.replace(raster, alpha=alpha)


def _raster(pixels: Pixels, found: SampleLayout, data: bytes, directory: TiffDirectory) -> Raster:
    if found.photometric == CMYK:
        return rasters.from_cmyk(np.ascontiguousarray(pixels), directory.profile(data))
    if found.photometric == WHITE_IS_ZERO:
        pixels = np.asarray(cv2.bitwise_not(pixels), np.uint8)
    code = cv2.COLOR_GRAY2BGR if found.channels == 1 else cv2.COLOR_RGB2BGR
    return Raster(rasters.convert(pixels, code), coloured=found.channels > 1)


def _unmultiplied(pixels: Pixels, alpha: Pixels) -> Pixels:
    weight = np.maximum(alpha, 1).astype(np.uint16)[:, :, None]
    full = (pixels.astype(np.uint16) * 255 + weight // 2) // weight
    return np.asarray(np.minimum(full, 255), np.uint8)


def _pages(directory: TiffDirectory, data: bytes, found: SampleLayout) -> Iterator[TiffDirectory]:
    """Yield the page, or a page for each of its planes: their strips or tiles follow each other."""
    if not found.planar or found.count == 1:
        yield directory
        return
    tags = TILES if TILES[0] in directory.entries else STRIPS
    for plane in range(found.count):
        entries = dict(directory.entries)
        for tag in tags:
            kind, count, _ = entries[tag]
            share, size = count // found.count, tiffs.TYPE_SIZES[kind]
            if share * found.count != count or not share:
                raise UndecodableImage("planes of the TIFF are missing")
            if share * size > 4:
                place = directory.span(tag, data)[0] + plane * share * size
                entries[tag] = kind, share, struct.pack(directory.order + "I", place)
            else:
                number = directory.numbers(tag, data)[plane * share : (plane + 1) * share]
                packed = struct.pack(f"{directory.order}{share}{'H' if kind == 3 else 'I'}", *number)
                entries[tag] = kind, share, packed.ljust(4, b"\0")
        yield dataclasses.replace(directory, entries=entries)


def _read(page: TiffDirectory, found: SampleLayout, count: int, read_bytes: ReadBytes) -> Samples:
    """Read a page of `count` samples a pixel: (height, width, count)."""
    width, bits = page.number(tiffs.WIDTH), found.bits
    differences = page.number(PREDICTOR, 1) == HORIZONTAL_DIFFERENCES
    if (page.number(COMPRESSION, 1) == JPEG and (bits, count) != (8, 1)) or (differences and bits not in (8, 16)):
        raise UndecodableImage(f"TIFFs of {bits} bits are not read in this compression")
    rows = read_bytes(_as_bytes(page, bits * count, width))
    samples = np.empty((len(rows), width * count), np.uint16)
    for start in range(0, len(rows), ROWS):
        samples[start : start + ROWS] = _unpack(rows[start : start + ROWS], bits, page.order, width * count)
    shaped = samples.reshape(len(rows), width, count)
    if differences:
        step = page.number(TILE_WIDTH) or width
        for start in range(0, width, step):
            part = shaped[:, start : start + step]
            part[:] = np.cumsum(part, axis=1, dtype=np.uint16) & (2**bits - 1)
    return shaped


def _as_bytes(page: TiffDirectory, bits: int, width: int) -> TiffDirectory:
    """Describe a page of so many bits a pixel as one of grey bytes. No entry is added: there is no room in the file."""
    numbers = {tiffs.WIDTH: -(-width * bits // 8), BITS: 8, SAMPLES: 1, PHOTOMETRIC: BLACK_IS_ZERO, PLANAR: 1}
    numbers[TILE_WIDTH] = -(-page.number(TILE_WIDTH) * bits // 8)
    dropped = {PREDICTOR, EXTRA_SAMPLES, SAMPLE_FORMAT}
    entries = {tag: entry for tag, entry in page.entries.items() if tag not in dropped}
    for tag in numbers.keys() & entries.keys():
        entries[tag] = 4, 1, struct.pack(page.order + "I", numbers[tag])
    return dataclasses.replace(page, entries=entries)


def _unpack(rows: Pixels, bits: int, order: str, count: int) -> Samples:
    """Take `count` samples of so many bits from each row of bytes (TIFF 6.0: the highest bit first)."""
    if bits == 8:
        return rows.astype(np.uint16)
    if bits == 16:
        return rows.view(order + "u2").astype(np.uint16)
    padded = np.pad(rows, ((0, 0), (0, 3))).astype(np.uint32)
    places = np.arange(count) * bits
    first = places // 8
    words = padded[:, first] << 16 | padded[:, first + 1] << 8 | padded[:, first + 2]
    return np.asarray(words >> (24 - bits - places % 8).astype(np.uint32) & (2**bits - 1), np.uint16)
