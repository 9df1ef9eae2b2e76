"""A picture is decoded completely or not at all; malicious files do no harm."""

import contextlib
import struct
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import (
    InvalidInput,
    UndecodableImage,
)
from core.pictures import headers, images
from tests import pictures
from tests.pictures import decoded, furthest

WHOLE = pictures.whole_files()


def needed(kind: str) -> bytes:
    """The file without what no pixel needs: a JPEG's end marker."""
    return WHOLE[kind][:-2] if kind.startswith("jpeg") else WHOLE[kind]


@pytest.mark.parametrize("kind", WHOLE)
def test_whole_file_is_read(kind: str) -> None:
    assert decoded(WHOLE[kind]).pixels.shape == (128, 128, 3)


@pytest.mark.parametrize("kind", WHOLE)
@settings(max_examples=25)
@given(share=st.floats(0, 1, exclude_max=True))
def test_truncated_file_is_refused(kind: str, share: float) -> None:
    data = needed(kind)
    with pytest.raises(InvalidInput):
        decoded(data[: int(len(data) * share)])


@pytest.mark.parametrize("kind", WHOLE)
def test_file_short_of_some_bytes_is_refused(kind: str) -> None:
    for missing in range(1, 40):
        with pytest.raises(UndecodableImage):
            decoded(needed(kind)[:-missing])


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
    """A hole of some bytes can't be distinguished from pixels: JPEG has no checksum. This one has two kilobytes."""
    data = pictures.file(pictures.astronaut(), "jpeg", quality=90)
    place = int(len(data) * share)
    with pytest.raises(UndecodableImage):
        decoded(data[:place] + data[place + 2000 :])


def test_truncated_webp_with_fixed_sizes_is_refused() -> None:
    data = WHOLE["webp"]
    for size in range(200, len(data) - 40, 100):
        body = data[20 : 20 + size]
        fixed = b"RIFF" + struct.pack("<I", 12 + size) + b"WEBPVP8 " + struct.pack("<I", size) + body
        with pytest.raises(UndecodableImage):
            decoded(fixed)


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


def test_jpeg_with_stray_bytes_is_read() -> None:
    data = WHOLE["jpeg"]
    expected = decoded(data).pixels
    blemished = [
        data[:-2] + bytes(16) + data[-2:],  # before the end marker, as some cameras write them
        data + b"trailer" * 100,
        data[:20] + bytes(16) + data[20:],  # between two segments
        data[:2] + b"\xff\xff\xff" + data[2:],
        data.replace(b"JFIF\0\x01", b"JFIF\0\xff"),
    ]
    for variant in blemished:
        assert variant != data
        assert furthest(decoded(variant).pixels, expected) == 0


def test_jpeg_with_many_strays_is_refused() -> None:
    data = WHOLE["jpeg"]
    strays = np.random.default_rng(0).bytes(200).replace(b"\xff", b"\xfe")
    with pytest.raises(UndecodableImage, match="damaged"):
        decoded(data[:-2] + strays + data[-2:])


def test_decode_raises_no_warning() -> None:
    with warnings.catch_warnings(record=True) as recorded:
        warnings.simplefilter("always")
        for data in WHOLE.values():
            for place in (0, 60, len(data) // 2):
                damaged = data[:place] + b"\xff\xff\xff\xff" + data[place + 4 :]
                with contextlib.suppress(InvalidInput):
                    decoded(damaged)
    assert recorded == []


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


@pytest.mark.parametrize("kind", WHOLE)
@settings(max_examples=25)
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


def test_cut_picture_is_told_what_to_do() -> None:
    for kind in ("jpeg", "bmp", "tiff-raw"):
        with pytest.raises(UndecodableImage, match="send it whole, or save it anew"):
            decoded(WHOLE[kind][: len(WHOLE[kind]) * 2 // 3])
