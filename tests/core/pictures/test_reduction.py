"""Large JPEGs, decoded smaller: as complete, as strict and as upright as whole ones."""

import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InvalidInput, UndecodableImage
from core.pictures import headers, images
from tests import pictures
from tests.pictures import MANY, WAYS

JPEGS = {kind: data for kind, data in pictures.whole_files().items() if kind.startswith("jpeg")}
SIDE = 128  # of those files
FACTORS = (2, 4, 8)


def reduced(data: bytes, least_side: int) -> images.DecodedImage:
    return images.decode(data, MANY, least_side)


def outcome(data: bytes, least_side: int | None) -> str:
    try:
        images.decode(data, MANY, least_side)
    except InvalidInput as error:
        return error.code
    return "read"


@pytest.mark.parametrize(
    ("least_side", "factor"), [(2000, 1), (1000, 1), (501, 1), (500, 2), (251, 2), (250, 4), (125, 8), (1, 8)]
)
def test_longer_side_keeps_what_suffices(least_side: int, factor: int) -> None:
    picture = reduced(pictures.file(pictures.quarters(1000, 600), "jpeg"), least_side)
    assert picture.pixels.shape == (-(-600 // factor), 1000 // factor, 3)
    assert picture.size == (1000, 600)
    assert (picture.reduction is None) == (factor == 1)


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("kind", JPEGS)
def test_reduced_pixels_are_means(kind: str, factor: int) -> None:
    whole = images.decode(JPEGS[kind], MANY).pixels
    means = cv2.resize(whole, None, fx=1 / factor, fy=1 / factor, interpolation=cv2.INTER_AREA)
    pixels = reduced(JPEGS[kind], SIDE // factor).pixels
    assert np.abs(pixels.astype(int) - means).mean() < 3


@pytest.mark.parametrize("form", [form for form in WAYS if form != "jpeg"])
def test_other_formats_stay_whole(form: str) -> None:
    picture = reduced(pictures.file(pictures.quarters(), form, **WAYS[form]), 1)
    assert picture.pixels.shape == pictures.quarters().shape and picture.reduction is None


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_reduced_pixels_know_their_place(orientation: int, factor: int) -> None:
    """A picture whose sides are no multiples of a block, with a bright spot near each corner."""
    upright = np.zeros((203, 309, 3), np.uint8)
    spots = [(16, 16), (293, 24), (40, 187), (285, 179)]
    for x, y in spots:
        upright[y - 8 : y + 8, x - 8 : x + 8] = 255
    stored = pictures.stored(upright, orientation)
    data = pictures.file(stored, "jpeg", exif=pictures.exif(orientation), **WAYS["jpeg"])
    picture = reduced(data, 309 // factor)
    assert picture.reduction is not None and picture.size == (309, 203)
    assert picture.pixels.shape == (-(-203 // factor), -(-309 // factor), 3)
    found = cv2.connectedComponentsWithStats((picture.pixels[:, :, 0] > 127).astype(np.uint8))[2][1:]
    weights = picture.pixels[:, :, 0].astype(float)
    left, top = picture.reduction.origin
    middles = []
    for x, y, width, height, _ in found.tolist():
        part = weights[max(0, y - 1) : y + height + 1, max(0, x - 1) : x + width + 1]
        rows, columns = np.indices(part.shape)
        across, down = ((at * part).sum() / part.sum() + 0.5 for at in (columns, rows))
        middles.append((left + factor * (max(0, x - 1) + across), top + factor * (max(0, y - 1) + down)))
    assert np.array(sorted(middles)) == pytest.approx(np.array(sorted(spots)), abs=1)


def test_reduced_picture_keeps_profile_and_names() -> None:
    data = pictures.file(pictures.astronaut(), "jpeg", exif=pictures.exif(6), icc_profile=pictures.srgb_profile())
    whole, small = images.decode(data, MANY), reduced(data, 64)
    assert small.icc == pictures.srgb_profile()
    assert small.metadata == whole.metadata and small.metadata


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("kind", JPEGS)
def test_cut_jpeg_is_refused_reduced_too(kind: str, factor: int) -> None:
    """Cut anywhere, closed again or not: the smallest pixels need hardly a byte of each block, but all are read."""
    data = JPEGS[kind]
    begin = data.index(b"\xff\xda") + 20
    for place in range(begin, len(data) - 20, max(1, (len(data) - begin) // 60)):
        for end in (b"", b"\xff\xd9"):
            with pytest.raises(UndecodableImage):
                reduced(data[:place] + end, SIDE // factor)


def test_lacking_scan_is_missed_by_reduced_pixels() -> None:
    """The last scans of a progressive JPEG refine what an eighth does not show."""
    data = JPEGS["jpeg-progressive"]
    scans = [start for marker, start, _ in headers.segments(data) if marker == headers.SOS]
    for start in scans[1:]:
        with pytest.raises(UndecodableImage, match="scans"):
            reduced(data[:start] + b"\xff\xd9", SIDE // 8)


def test_stray_bytes_before_the_end_do_no_harm() -> None:
    varied = np.random.default_rng(0).bytes(200).replace(b"\xff", b"\xfe")
    for strays, expected in ((varied[:16], "read"), (bytes(2000), "read"), (varied, "undecodable_image")):
        data = JPEGS["jpeg"][:-2] + strays + JPEGS["jpeg"][-2:]
        assert [outcome(data, SIDE // factor) for factor in FACTORS] == [expected] * 3 == [outcome(data, None)] * 3


@pytest.mark.parametrize("kind", JPEGS)
@settings(max_examples=60)
@given(place=st.floats(0, 1, exclude_max=True), rubbish=st.binary(min_size=0, max_size=8), lost=st.integers(0, 40))
def test_damage_is_judged_alike(kind: str, place: float, rubbish: bytes, lost: int) -> None:
    data = JPEGS[kind]
    start = int(place * len(data))
    damaged = data[:start] + rubbish + data[start + lost :]
    assert {outcome(damaged, SIDE // factor) for factor in FACTORS} == {outcome(damaged, None)}


def test_real_files_are_judged_alike(shared_data: Path) -> None:
    """Sound and hostile ones; an eighth of each whose header can be read, however small it is."""
    read = 0
    for path in sorted(path for folder in ("formats", "hostile", "cases") for path in (shared_data / folder).iterdir()):
        data = path.read_bytes()
        if not re.match(rb"\xff\xd8\xff", data):
            continue
        whole = outcome(data, None)
        assert outcome(data, 1) == whole, path.name
        read += whole == "read"
    assert read > 30
