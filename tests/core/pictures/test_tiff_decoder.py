"""TIFF: limits of the directory, complete strips, and the tags that reach the decoder."""

import struct
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from core.errors import UndecodableImage
from core.pictures import tiffs
from tests import pictures
from tests.pictures import LIKE_JPEG, decoded, furthest, rgb

WHOLE = pictures.whole_files()


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "zstd", "lzma"])
def test_decode_reads_tiff_compressions(compression: str) -> None:
    picture = decoded(pictures.file(pictures.quarters(), "tiff", compression=compression))
    # JPEG inside TIFF halves the colours' resolution.
    away_from_edges = (slice(4, 28), slice(4, 44))
    assert furthest(rgb(picture)[away_from_edges], pictures.quarters()[away_from_edges]) <= LIKE_JPEG


@pytest.mark.parametrize("sixteen", [True, False])
def test_tiff_negative_is_turned_positive(sixteen: bool) -> None:
    ramp = np.tile(np.linspace(0, 255, 64, dtype=np.uint8), (32, 1))
    stored = (255 - ramp).astype(np.uint16) * 257 if sixteen else 255 - ramp
    file = BytesIO()
    Image.fromarray(stored).save(file, "TIFF", tiffinfo={262: 0})
    data = file.getvalue()
    # Pillow writes the samples as they are and the tag as given, or inverts them itself where it can.
    with Image.open(BytesIO(data)) as written:
        assert written.tag_v2[262] == 0  # type: ignore[attr-defined]  # a TIFF has them
        shown = np.asarray(written)
    expected = ramp if sixteen else shown
    assert np.abs(decoded(data).pixels[..., 0].astype(int) - expected).max() <= 1


@pytest.mark.parametrize("kind", ["tiff-deflate", "tiff-jpeg", "tiff-tiff_lzw", "tiff-packbits"])
def test_tiff_with_blank_strip_end_is_refused(kind: str) -> None:
    data = WHOLE[kind]
    directory = tiffs.directory(data)
    place, size = directory.numbers(273, data)[-1], directory.numbers(279, data)[-1]
    middle = place + size // 2
    with pytest.raises(UndecodableImage):
        decoded(data[:middle] + bytes(place + size - middle) + data[place + size :])


def test_fax_tiff_is_refused() -> None:
    """libtiff reads a damaged one without an error."""
    data = pictures.file(Image.fromarray(pictures.ramp()).convert("1"), "tiff", compression="group4")
    with pytest.raises(UndecodableImage, match="compression 4"):
        decoded(data)


def tiff(*entries: tuple[int, int, int, int], rest: bytes = b"") -> bytes:
    """A little-endian TIFF of these entries: (tag, type, count, value or offset)."""
    rows = b"".join(struct.pack("<HHII", *entry) for entry in sorted(entries))
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + rows + bytes(4) + rest


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([(273, 4, 0x3FFFFFFF, 200)], "too many values"),
        ([(273, 4, 200_000, 200), (279, 4, 200_000, 200)], "too many values"),
        ([(256, 4, 4, 200)], "too many values"),
        ([(tag, 4, 190_000, 0) for tag in (258, 279, 320, 339)], "too large"),
        ([(322, 4, 1, 1_000_000), (323, 4, 1, 1_000_000), (324, 4, 1, 200), (325, 4, 1, 4)], "too large"),
        ([(273, 4, 1, 4_000_000_000)], "cut off or damaged"),
        ([(259, 3, 1, 7), (273, 4, 1, 200), (279, 4, 1, 0xFFFFFFFF)], "cut off or damaged"),
        ([(259, 3, 1, 8), (273, 4, 1, 200), (279, 4, 1, 0xFFFFFFFF)], "cut off or damaged"),
    ],
)
def test_oversized_tiff_directory_is_refused(entries: list[tuple[int, int, int, int]], message: str) -> None:
    usual = {256: (256, 3, 1, 8), 257: (257, 3, 1, 8), 262: (262, 3, 1, 1), 258: (258, 3, 1, 8)}
    given_tags = {entry[0] for entry in entries}
    defaults = [entry for tag, entry in usual.items() if tag not in given_tags]
    with pytest.raises(UndecodableImage, match=message):
        decoded(tiff(*defaults, *entries, rest=bytes(1_000_000)))


def test_inner_jpeg_larger_than_its_tiff_is_refused() -> None:
    bomb = pictures.file(Image.new("L", (8000, 8000)), "jpeg")
    size = len(bomb)
    entries = [(256, 3, 1, 8), (257, 3, 1, 8), (258, 3, 1, 8), (259, 3, 1, 7), (262, 3, 1, 1)]
    place = 8 + 2 + 12 * 7 + 4
    with pytest.raises(UndecodableImage, match="more than its picture"):
        decoded(tiff(*entries, (273, 4, 1, place), (279, 4, 1, size), rest=bomb))


def test_tiff_tags_of_other_pages_do_not_matter() -> None:
    """Pillow would read every directory's tags, and warn that it can't read these."""
    info = TiffImagePlugin.ImageFileDirectory_v2()
    info[37500] = b"M" * 5000
    info[270] = "SECRET"
    data = bytearray(pictures.file(pictures.quarters(), "tiff", tiffinfo=info))
    first = tiffs.directory(bytes(data))
    tags = {struct.unpack_from("<H", data, first.start + 2 + 12 * n)[0]: n for n in range(len(first.entries))}
    place = first.start + 2 + 12 * tags[37500]
    struct.pack_into("<II", data, place + 4, 0x7FFFFFFF, 0x7FFFFFFF)
    assert furthest(rgb(decoded(bytes(data))), pictures.quarters()) == 0
