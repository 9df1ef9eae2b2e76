"""What is read from a header, what is refused by it, and that pictures are decoded upright."""

import struct
import zlib

import numpy as np
import pytest

from core.errors import (
    ImageTooLarge,
    NoImage,
    UndecodableImage,
    UnsupportedImage,
)
from core.pictures import headers, images
from tests import pictures
from tests.pictures import LIKE_JPEG, MANY, WAYS, decoded, furthest, rgb


@pytest.mark.parametrize("form", WAYS)
def test_probe_reads_each_format(form: str) -> None:
    header = headers.probe(pictures.file(pictures.quarters(96, 64), form, **WAYS[form]), MANY)
    assert (header.format, header.width, header.height) == (form, 96, 64)


def test_probe_without_bytes_is_no_image() -> None:
    with pytest.raises(NoImage):
        headers.probe(b"", MANY)


@pytest.mark.parametrize("form", ["gif", "ppm", "ico", "jpeg2000", "pcx"])
def test_probe_refuses_other_formats(form: str) -> None:
    with pytest.raises(UnsupportedImage):
        headers.probe(pictures.file(pictures.quarters(), form), MANY)


@pytest.mark.parametrize(
    "magic", [b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\x20\0\0\0WEBPVP8 ", b"BM", b"II*\0", b"MM\0+", b"II+\0"]
)
def test_probe_refuses_broken_headers(magic: bytes) -> None:
    for rest in (b"", bytes(100)):
        with pytest.raises(UndecodableImage):
            headers.probe(magic + rest, MANY)


@pytest.mark.parametrize("form", WAYS)
def test_pixel_limit_is_inclusive(form: str) -> None:
    data = pictures.file(pictures.quarters(96, 64), form, **WAYS[form])
    assert headers.probe(data, 96 * 64).width == 96
    for read in (headers.probe, images.decode):
        with pytest.raises(ImageTooLarge):
            read(data, 96 * 64 - 1)


def test_pixel_limit_is_judged_by_header() -> None:
    """The files end, or turn to rubbish, where the pixels would begin: decoding them would be another error."""
    bomb = pictures.png((60_000, 60_000), 8, 2, b"")
    bitmap = b"BM" + bytes(12) + struct.pack("<IiiHHI", 40, 60_000, -60_000, 1, 24, 0) + bytes(20)
    photo = b"\xff\xd8" + pictures.segment(0xC0, struct.pack(">BHHB", 8, 60_000, 60_000, 3)) + b"\xff\xda\0\x02"
    for data in (bomb, bitmap, photo):
        with pytest.raises(ImageTooLarge):
            images.decode(data, MANY)


def test_probe_survives_compressed_text() -> None:
    bomb = zlib.compress(bytes(50_000_000), 9)
    texts = [pictures.chunk(b"zTXt", b"k\0\0" + bomb), pictures.chunk(b"iCCP", b"k\0\0" + bomb)] * 20
    picture = decoded(pictures.png((2, 1), 8, 0, b"\0\x10\x20", *texts))
    assert picture.pixels[0, :, 0].tolist() == [0x10, 0x20]
    assert picture.icc is None


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["jpeg", "png", "webp", "tiff", "heic", "avif"])
def test_orientation_is_applied(form: str, orientation: int) -> None:
    upright = pictures.quarters(96, 64)
    data = pictures.file(pictures.stored(upright, orientation), form, exif=pictures.exif(orientation), **WAYS[form])
    header = headers.probe(data, MANY)
    assert (header.width, header.height) == (96, 64)
    assert furthest(rgb(decoded(data)), upright) <= LIKE_JPEG


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_turns_alpha_too(orientation: int) -> None:
    upright = np.dstack([pictures.quarters(64, 64), pictures.ramp(64, 64)])
    data = pictures.file(pictures.stored(upright, orientation), "png", exif=pictures.exif(orientation))
    alpha = decoded(data).alpha
    assert alpha is not None
    assert furthest(alpha, upright[:, :, 3]) == 0


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"rubbish",
        b"II*\0",
        b"II*\0\xff\xff\xff\xff",
        b"II*\0\x08\0\0\0\xff\xff",
        b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x09\0\0\0",
        b"II*\0\x08\0\0\0\x01\0\x12\x01\x02\0\x01\0\0\0\x06\0\0\0",
    ],
)
def test_broken_exif_means_upright(block: bytes) -> None:
    data = pictures.file(pictures.quarters(96, 64), "jpeg", **WAYS["jpeg"])
    broken = data[:2] + pictures.segment(0xE1, b"Exif\0\0" + block) + data[2:]
    assert furthest(rgb(decoded(broken)), pictures.quarters(96, 64)) <= LIKE_JPEG


def test_exif_cut_off_still_turns() -> None:
    """Many tools cut an EXIF block; its orientation is among the first entries."""
    block = b"MM\0*\0\0\0\x08\0\x09" + struct.pack(">HHIHH", 274, 3, 1, 6, 0) + bytes(5)
    data = pictures.file(pictures.stored(pictures.quarters(96, 64), 6), "jpeg", **WAYS["jpeg"])
    turned = data[:2] + pictures.segment(0xE1, b"Exif\0\0" + block) + data[2:]
    assert furthest(rgb(decoded(turned)), pictures.quarters(96, 64)) <= LIKE_JPEG
