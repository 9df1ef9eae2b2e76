"""JPEGs with oddities that lose no pixel are read, exactly as without them; a cut one stays refused, oddity or not."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import UndecodableImage
from core.pictures import headers, images
from tests import pictures
from tests.pictures import LIKE_JPEG, decoded, furthest

JPEGS = {kind: data for kind, data in pictures.whole_files().items() if kind.startswith("jpeg")}
VARIED = np.random.default_rng(0).bytes(64).replace(b"\xff", b"\xfe")
STRAYS = {
    "one": b"\0",
    "five": b"\x3c\x5a\x11\x22\x33",
    "pattern": b"\x3c\x5a" * 4,
    "varied": VARIED,
    "zeros": bytes(200),
    "blanks": b" " * 3000,
    "fill": b"\xff" * 9,
}
# Files cut by a card or a download and filled up to their size.
FILLINGS = [bytes(5000), b"\xff" * 5000, b"\xaa" * 5000, b"\x3c\x5a" * 2500, b" " * 5000]


def scan_start(data: bytes) -> int:
    return next(end for marker, _, end in headers.segments(data) if marker == headers.SOS)


@pytest.mark.parametrize("strays", STRAYS.values(), ids=STRAYS)
@pytest.mark.parametrize("kind", JPEGS)
def test_strays_before_end_lose_nothing(kind: str, strays: bytes) -> None:
    data = JPEGS[kind]
    assert furthest(decoded(data[:-2] + strays + data[-2:]).pixels, decoded(data).pixels) == 0


@pytest.mark.parametrize("strays", STRAYS.values(), ids=STRAYS)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("restarts", [{"restart_marker_blocks": 4}, {"restart_marker_rows": 1}])
def test_strays_before_restarts_lose_nothing(mode: str, restarts: dict[str, int], strays: bytes) -> None:
    """Before all of them, or before one."""
    portrait = Image.fromarray(pictures.astronaut()).resize((208, 200)).convert(mode)
    data = pictures.file(portrait, "jpeg", quality=90, **restarts)
    start = scan_start(data)
    for count in (0, 1):
        scan = re.sub(rb"(?=\xff[\xd0-\xd7\xd9])", lambda _: strays, data[start:], count=count)
        assert furthest(decoded(data[:start] + scan).pixels, decoded(data).pixels) == 0


def test_strays_between_scans_lose_nothing() -> None:
    data = JPEGS["jpeg-progressive"]
    starts = [start for marker, start, _ in headers.segments(data) if marker == headers.SOS][1:]
    for strays in STRAYS.values():
        padded = data
        for start in reversed(starts):
            # The scan's data end where its next table begins.
            end = padded.rfind(b"\xff\xc4", 0, start)
            padded = padded[:end] + strays + padded[end:]
        assert furthest(decoded(padded).pixels, decoded(data).pixels) == 0


@pytest.mark.parametrize("kind", JPEGS)
@pytest.mark.parametrize("missing", [1, 2])
def test_missing_end_marker_loses_nothing(kind: str, missing: int) -> None:
    data = JPEGS[kind]
    assert furthest(decoded(data[:-missing]).pixels, decoded(data).pixels) == 0


@pytest.mark.parametrize("filling", FILLINGS, ids=["zeros", "ones", "bits", "pattern", "blanks"])
@pytest.mark.parametrize("kind", JPEGS)
def test_cut_jpeg_filled_up_is_refused(kind: str, filling: bytes) -> None:
    """A decoder takes the filling for pixels: of zeros, a few bytes are a whole block."""
    data = JPEGS[kind]
    begin = scan_start(data) + 20
    for place in range(begin, len(data) - 8, max(1, (len(data) - begin) // 40)):
        for end in (b"", b"\xff\xd9"):
            with pytest.raises(UndecodableImage):
                decoded(data[:place] + filling + end)


def stating(kind: str, change: Callable[[bytes], bytes]) -> bytes:
    """A JPEG whose scan headers are changed: the bodies' last three bytes."""
    data, out, last = JPEGS[kind], b"", 0
    for marker, _, end in headers.segments(data):
        if marker == headers.SOS:
            out, last = out + data[last : end - 3] + change(data[end - 3 : end]), end
    return out + data[last:]


@pytest.mark.parametrize("fields", [bytes(3), b"\0\0\x11", b"\1\x3f\0", b"\xff\xff\xff"])
@pytest.mark.parametrize("kind", ["jpeg", "jpeg-grey", "jpeg-cmyk", "jpeg-restarts"])
def test_baseline_scans_cover_everything(kind: str, fields: bytes) -> None:
    data = stating(kind, lambda _: fields)
    assert data != JPEGS[kind] and furthest(decoded(data).pixels, decoded(JPEGS[kind]).pixels) == 0


def test_progressive_scans_cover_what_they_state() -> None:
    with pytest.raises(UndecodableImage):
        decoded(stating("jpeg-progressive", lambda _: bytes(3)))


@pytest.mark.parametrize("transform", [2, 3, 255])
def test_unknown_adobe_transform_means_ycc(transform: int) -> None:
    """Three components are YCbCr then, four are YCCK: so every viewer does."""
    data = JPEGS["jpeg"]
    jfif_end = 4 + int.from_bytes(data[4:6])
    adobe = pictures.segment(0xEE, b"Adobe\0\x64\0\0\0\0" + bytes([transform]))
    assert furthest(decoded(data[:2] + adobe + data[jfif_end:]).pixels, decoded(data).pixels) == 0


def odd_sampling(**options: int) -> bytes:
    """CMYK of which three inks are halved in both directions: TurboJPEG's interface has no name for that."""
    image = Image.fromarray(pictures.astronaut()).resize((200, 120)).convert("CMYK")
    return pictures.file(image, "jpeg", quality=90, subsampling=2, **options)


@pytest.mark.parametrize("options", [{}, {"restart_marker_blocks": 3}, {"progressive": True}])
def test_odd_sampling_is_read(options: dict[str, int]) -> None:
    data = odd_sampling(**options)
    inks = np.asarray(pictures.opened(data)).astype(int)
    expected = (255 - inks[:, :, :3]) * (255 - inks[:, :, 3:]) // 255
    assert furthest(pictures.rgb(decoded(data)), expected) <= LIKE_JPEG
    reduced = images.decode(data, pictures.MANY, 100)
    assert reduced.pixels.shape == (60, 100, 3) and reduced.size == (200, 120)


@pytest.mark.parametrize("options", [{}, {"restart_marker_blocks": 3}, {"progressive": True}])
def test_cut_odd_sampling_is_refused(options: dict[str, int]) -> None:
    data = odd_sampling(**options)
    begin = scan_start(data) + 20
    for place in range(begin, len(data) - 3, max(1, (len(data) - begin) // 60)):
        for end in (b"", b"\xff\xd9"):
            with pytest.raises(UndecodableImage):
                decoded(data[:place] + end)
    # The last byte of a progressive one may only say that nothing follows.
    for missing in range(4, 20):
        with pytest.raises(UndecodableImage):
            decoded(data[:-missing])


def test_real_case_files_are_read(shared_data: Path) -> None:
    plain = decoded((shared_data / "cases" / "jpeg-baseline-scan-fields-zero.jpg").read_bytes()).pixels
    read = [path for path in (shared_data / "cases").glob("jpeg-*") if "cmyk" not in path.name]
    assert len(read) >= 5
    for path in read:
        assert furthest(decoded(path.read_bytes()).pixels, plain) == 0, path.name
