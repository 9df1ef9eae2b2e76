"""TIFF samples of 8 to 16 bits, in planes or not, with alpha of both kinds: each shows as the picture that it is."""

import struct
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from core.errors import UndecodableImage
from core.pictures import images
from tests import pictures
from tests.core.pictures.tiff_files import TiffPage, packed, tiff
from tests.pictures import decoded, furthest, rgb

COLOUR = np.asarray(Image.fromarray(pictures.astronaut()).resize((99, 64))).astype(np.int64)
GREY = COLOUR[:, :, 1:2]
ALPHA = np.clip(pictures.ramp(99, 64).astype(np.int64) + 120, 0, 255)[:, :, None]
MAX_SAMPLE, EXTRA_SAMPLES, PREDICTOR = 281, 338, 317
ROUNDING = 3  # what premultiplying by an alpha of 120 and more costs
DEEP = (9, 10, 11, 12, 13, 14, 15, 16)


def deep(samples: NDArray[np.int64], bits: int) -> NDArray[np.int64]:
    """The samples with so many bits; the lower ones are not zero."""
    return (samples << (bits - 8)) | (samples >> max(0, 16 - bits))


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("deflated", [True, False])
@pytest.mark.parametrize("bits", DEEP)
def test_deep_grey_is_narrowed(bits: int, deflated: bool, order: str) -> None:
    stored = deep(GREY, bits)
    data = tiff(TiffPage(stored, bits, deflated=deflated), order=order)
    assert furthest(rgb(decoded(data)), np.repeat(GREY, 3, axis=2)) == 0
    negative = tiff(TiffPage(2**bits - 1 - stored, bits, photometric=0, deflated=deflated), order=order)
    assert furthest(rgb(decoded(negative)), np.repeat(GREY, 3, axis=2)) == 0


@pytest.mark.parametrize("planar", [True, False])
@pytest.mark.parametrize("bits", DEEP)
def test_deep_colours_are_narrowed(bits: int, planar: bool) -> None:
    picture = decoded(tiff(TiffPage(deep(COLOUR, bits), bits, photometric=2, planar=planar)))
    assert furthest(rgb(picture), COLOUR) == 0


@pytest.mark.parametrize("used", [10, 12, 14])
@pytest.mark.parametrize("channels", [1, 3])
def test_stated_range_is_full_range(channels: int, used: int) -> None:
    """Cameras of 12 bits write them into 16, and say so; a range that the samples exceed is no range."""
    source = GREY if channels == 1 else COLOUR
    stored = deep(source, used)
    photometric = 1 if channels == 1 else 2
    data = tiff(TiffPage(stored, 16, photometric, tags={MAX_SAMPLE: (2**used - 1,) * channels}))
    assert furthest(rgb(decoded(data)), np.broadcast_to(source, COLOUR.shape)) == 0
    lying = tiff(TiffPage(source << 8, 16, photometric, tags={MAX_SAMPLE: (255,) * channels}))
    assert furthest(rgb(decoded(lying)), np.broadcast_to(source, COLOUR.shape)) == 0


def test_stated_range_survives_predictor() -> None:
    stored = deep(COLOUR, 12)
    differences = np.diff(stored, axis=1, prepend=0) & 0xFFFF
    tags = {MAX_SAMPLE: (4095, 4095, 4095), PREDICTOR: (2,)}
    assert furthest(rgb(decoded(tiff(TiffPage(differences, 16, 2, tags=tags)))), COLOUR) == 0


@pytest.mark.parametrize("deflated", [True, False])
@pytest.mark.parametrize("planar", [True, False])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", [0, 1, 2])
def test_extra_sample_is_alpha_or_not(kind: int, channels: int, bits: int, planar: bool, deflated: bool) -> None:
    """0: something else, 1: alpha that the colours are multiplied by, 2: alpha."""
    source = GREY if channels == 1 else COLOUR
    colours = source * ALPHA // 255 if kind == 1 else source
    stored = np.concatenate([colours, ALPHA], axis=2) * (257 if bits == 16 else 1)
    page = TiffPage(stored, bits, 1 if channels == 1 else 2, planar, deflated, {EXTRA_SAMPLES: (kind,)})
    picture = decoded(tiff(page))
    assert furthest(rgb(picture), np.broadcast_to(source, COLOUR.shape)) <= (ROUNDING if kind == 1 else 0)
    assert (picture.alpha is None) == (kind == 0)
    if picture.alpha is not None:
        assert furthest(picture.alpha, ALPHA[:, :, 0]) == 0


def test_planar_inks_are_converted() -> None:
    inks = np.concatenate([255 - COLOUR, np.zeros_like(GREY)], axis=2)
    for bits, deflated in ((8, True), (16, False)):
        page = TiffPage(inks * (257 if bits == 16 else 1), bits, 5, planar=True, deflated=deflated)
        assert furthest(rgb(decoded(tiff(page))), COLOUR) <= 1


@pytest.mark.parametrize("bits", [10, 12, 16])
def test_cut_deep_tiff_is_refused(bits: int) -> None:
    """The directory stands last here: it may lack nothing either."""
    for deflated in (True, False):
        page = TiffPage(deep(GREY, bits), bits, deflated=deflated, tags={MAX_SAMPLE: (4095,)})
        data = tiff(page)
        size = len(data)
        for cut in (1, 2, size // 2, size - 9):
            with pytest.raises(UndecodableImage):
                decoded(data[: size - cut])


def test_signed_and_float_samples_are_refused() -> None:
    for tag, value in ((339, 2), (339, 3), (PREDICTOR, 2)):
        with pytest.raises(UndecodableImage):
            decoded(tiff(TiffPage(deep(GREY, 12), 12, tags={tag: (value,)})))


def test_real_cases_are_read(shared_data: Path) -> None:
    grey = decoded((shared_data / "cases" / "tiff-grey-12-bit.tif").read_bytes())
    assert grey.pixels.max() > 200 and grey.pixels.mean() > 80
    premultiplied = decoded((shared_data / "cases" / "tiff-grey-premultiplied-alpha.tiff").read_bytes())
    assert premultiplied.alpha is not None and premultiplied.alpha.max() == 255
    assert images.flatten(premultiplied).mean() > 100


def test_directory_without_room_is_read() -> None:
    """Pillow writes no entry that has its default, and the pixels behind the directory."""
    stored = deep(GREY, 16)[:, :, 0].astype(np.uint16)
    assert furthest(rgb(decoded(pictures.file(stored, "tiff"))), np.repeat(GREY, 3, axis=2)) == 0


def test_tiled_samples_are_read() -> None:
    """A tile's rows are whole bytes; what reaches over the edge is dropped."""
    stored = np.pad(deep(GREY, 12), ((0, 0), (0, 29), (0, 0)))
    tiles = [packed(stored[:, start : start + 64], 12) for start in (0, 64)]
    data, places = bytearray(b"II*\0" + bytes(4)), []
    for tile in tiles:
        places.append(len(data))
        data += tile
    rows = {256: 99, 257: 64, 258: 12, 259: 1, 262: 1, 277: 1, 322: 64, 323: 64}
    entries = [struct.pack("<HHII", tag, 4, 1, value) for tag, value in rows.items()]
    offsets, sizes = len(data), len(data) + 8
    data += struct.pack("<IIII", *places, *(len(tile) for tile in tiles))
    entries += [struct.pack("<HHII", 324, 4, 2, offsets), struct.pack("<HHII", 325, 4, 2, sizes)]
    struct.pack_into("<I", data, 4, len(data))
    data += struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4)
    assert furthest(rgb(decoded(bytes(data))), np.repeat(GREY, 3, axis=2)) == 0
