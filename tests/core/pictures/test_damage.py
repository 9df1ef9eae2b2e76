"""A picture is read as a whole or not at all; files made to do harm do none."""

import contextlib
import struct
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, TiffImagePlugin

from core.errors import (
    InvalidInput,
    UndecodableImage,
)
from core.pictures import headers, images, tiffs
from tests import pictures
from tests.pictures import decoded, furthest, rgb

WHOLE = pictures.whole_files()


@pytest.mark.parametrize("kind", WHOLE)
def test_whole_file_is_read(kind: str) -> None:
    assert decoded(WHOLE[kind]).pixels.shape == (128, 128, 3)


@pytest.mark.parametrize("kind", WHOLE)
@settings(max_examples=25, deadline=None)
@given(share=st.floats(0, 1, exclude_max=True))
def test_truncated_file_is_refused(kind: str, share: float) -> None:
    data = WHOLE[kind]
    with pytest.raises(InvalidInput):
        decoded(data[: int(len(data) * share)])


@pytest.mark.parametrize("kind", WHOLE)
def test_file_short_of_some_bytes_is_refused(kind: str) -> None:
    for missing in range(1, 40):
        with pytest.raises(UndecodableImage):
            decoded(WHOLE[kind][:-missing])


@pytest.mark.parametrize("kind", [kind for kind in WHOLE if kind.startswith("jpeg")])
def test_cut_jpeg_closed_again_is_refused(kind: str) -> None:
    """Other decoders give a grey lower half without an error."""
    data = WHOLE[kind]
    begin = data.index(b"\xff\xda") + 20
    for place in range(begin, len(data) - 20, max(1, (len(data) - begin) // 60)):
        with pytest.raises(UndecodableImage):
            decoded(data[:place] + b"\xff\xd9")


def test_jpeg_cut_between_scans_is_refused() -> None:
    data = WHOLE["jpeg-progressive"]
    scans = [start for marker, start, _ in headers.segments(data) if marker == headers.SOS]
    assert len(scans) > 5
    for start in scans[1:]:
        with pytest.raises(UndecodableImage, match="scans"):
            decoded(data[:start] + b"\xff\xd9")


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_jpeg_with_hole_is_refused(share: float) -> None:
    """A hole of some bytes can't be told from a picture: JPEG has no checksum. This one is of two kilobytes."""
    data = pictures.file(pictures.astronaut(), "jpeg", quality=90)
    place = int(len(data) * share)
    with pytest.raises(UndecodableImage):
        decoded(data[:place] + data[place + 2000 :])


def test_truncated_webp_with_mended_sizes_is_refused() -> None:
    data = WHOLE["webp"]
    for size in range(200, len(data) - 40, 100):
        body = data[20 : 20 + size]
        mended = b"RIFF" + struct.pack("<I", 12 + size) + b"WEBPVP8 " + struct.pack("<I", size) + body
        with pytest.raises(UndecodableImage):
            decoded(mended)


def test_damaged_png_is_refused() -> None:
    data = bytearray(WHOLE["png"])
    data[len(data) // 2] ^= 1
    with pytest.raises(UndecodableImage):
        decoded(bytes(data))


def test_png_with_wrong_checksum_is_refused() -> None:
    data = WHOLE["png"]
    end = len(data) - 12  # of the pixels' last chunk
    with pytest.raises(UndecodableImage, match="checksum"):
        decoded(data[: end - 4] + bytes(4) + data[end:])


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


def test_jpeg_with_stray_bytes_is_read() -> None:
    data = WHOLE["jpeg"]
    expected = decoded(data).pixels
    blemished = [
        data[:-2] + bytes(16) + data[-2:],  # before the end marker, as some cameras leave them
        data + b"trailer" * 100,
        data[:20] + bytes(16) + data[20:],  # between two segments
        data[:2] + b"\xff\xff\xff" + data[2:],
        data.replace(b"JFIF\0\x01", b"JFIF\0\xff"),
    ]
    for one in blemished:
        assert one != data
        assert furthest(decoded(one).pixels, expected) == 0


def test_jpeg_with_many_strays_is_refused() -> None:
    data = WHOLE["jpeg"]
    with pytest.raises(UndecodableImage):
        decoded(data[:-2] + bytes(40) + data[-2:])


def test_decode_says_no_warning() -> None:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for data in WHOLE.values():
            for place in (0, 60, len(data) // 2):
                damaged = data[:place] + b"\xff\xff\xff\xff" + data[place + 4 :]
                with contextlib.suppress(InvalidInput):
                    decoded(damaged)
    assert said == []


def test_jpeg_of_many_scans_is_refused() -> None:
    data = WHOLE["jpeg-progressive"]
    last = [start for marker, start, _ in headers.segments(data) if marker == headers.SOS][-1]
    with pytest.raises(UndecodableImage, match="scans"):
        decoded(data[:-2] + data[last:-2] * 200 + data[-2:])


def test_run_length_bmp_of_many_pixels_is_refused() -> None:
    runs = b"\2\0\2\1\0\1"
    assert decoded(pictures.bmp((4, 1), 8, 1, runs)).pixels[0, :, 0].tolist() == [0, 0, 255, 255]
    with pytest.raises(UndecodableImage, match="run-length"):
        decoded(pictures.bmp((4000, 4000), 8, 1, runs))


def test_second_frame_of_jpeg_is_refused() -> None:
    """A decoder that took the second size would hold far more pixels than were allowed."""
    data = WHOLE["jpeg"]
    frame = data.index(b"\xff\xc0")
    other = bytearray(data[frame : frame + 19])
    other[5:9] = struct.pack(">HH", 60_000, 60_000)
    with pytest.raises(UndecodableImage):
        decoded(data[: frame + 19] + bytes(other) + data[frame + 19 :])


def test_webp_frame_other_than_canvas_is_refused() -> None:
    small = WHOLE["webp-alpha"]
    place = small.index(b"VP8X") + 12
    for width in (10, 4000):
        lying = small[:place] + (width - 1).to_bytes(3, "little") + small[place + 3 :]
        with pytest.raises(UndecodableImage):
            decoded(lying)


def tiff(*entries: tuple[int, int, int, int], rest: bytes = b"") -> bytes:
    """A little-endian TIFF of these entries: (tag, type, count, value or offset)."""
    rows = b"".join(struct.pack("<HHII", *entry) for entry in sorted(entries))
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + rows + bytes(4) + rest


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([(273, 4, 0x3FFFFFFF, 200)], "too many values"),
        ([(273, 4, 200_000, 200), (279, 4, 200_000, 200)], "too many values"),
        ([(256, 4, 4, 200)], "too many values"),
        ([(tag, 4, 190_000, 0) for tag in (258, 279, 320, 339)], "too large"),
        ([(322, 4, 1, 1_000_000), (323, 4, 1, 1_000_000), (324, 4, 1, 200), (325, 4, 1, 4)], "too large"),
        ([(273, 4, 1, 4_000_000_000)], "not decode"),
        ([(259, 3, 1, 7), (273, 4, 1, 200), (279, 4, 1, 0xFFFFFFFF)], "not decode"),
        ([(259, 3, 1, 8), (273, 4, 1, 200), (279, 4, 1, 0xFFFFFFFF)], "not decode"),
    ],
)
def test_monstrous_tiff_directory_is_refused(entries: list[tuple[int, int, int, int]], words: str) -> None:
    usual = {256: (256, 3, 1, 8), 257: (257, 3, 1, 8), 262: (262, 3, 1, 1), 258: (258, 3, 1, 8)}
    given_tags = {entry[0] for entry in entries}
    kept = [entry for tag, entry in usual.items() if tag not in given_tags]
    with pytest.raises(UndecodableImage, match=words):
        decoded(tiff(*kept, *entries, rest=bytes(1_000_000)))


def test_inner_jpeg_larger_than_its_tiff_is_refused() -> None:
    bomb = pictures.file(Image.new("L", (8000, 8000)), "jpeg")
    size = len(bomb)
    entries = [(256, 3, 1, 8), (257, 3, 1, 8), (258, 3, 1, 8), (259, 3, 1, 7), (262, 3, 1, 1)]
    place = 8 + 2 + 12 * 7 + 4
    with pytest.raises(UndecodableImage, match="more than its picture"):
        decoded(tiff(*entries, (273, 4, 1, place), (279, 4, 1, size), rest=bomb))


@pytest.mark.parametrize("kind", WHOLE)
@settings(max_examples=25, deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), rubbish=st.binary(min_size=1, max_size=8))
def test_damage_never_ends_in_another_error(kind: str, place: float, rubbish: bytes) -> None:
    data = WHOLE[kind]
    # Half of the damage goes to the first 200 bytes: there the containers are.
    start = int(place * 400) if place < 0.5 else int(place * len(data))
    try:
        picture = images.decode(data[:start] + rubbish + data[start + len(rubbish) :], 1_000_000)
    except InvalidInput:
        return
    assert picture.pixels.ndim == 3


def test_tiff_tags_of_other_pages_do_not_matter() -> None:
    """Pillow would read every directory's tags, and say that it can't read these."""
    info = TiffImagePlugin.ImageFileDirectory_v2()
    info[37500] = b"M" * 5000
    info[270] = "SECRET"
    data = bytearray(pictures.file(pictures.quarters(), "tiff", tiffinfo=info))
    first = tiffs.directory(bytes(data))
    tags = {struct.unpack_from("<H", data, first.start + 2 + 12 * n)[0]: n for n in range(len(first.entries))}
    place = first.start + 2 + 12 * tags[37500]
    struct.pack_into("<II", data, place + 4, 0x7FFFFFFF, 0x7FFFFFFF)
    assert furthest(rgb(decoded(bytes(data))), pictures.quarters()) == 0
