"""What a file tells beside its picture never comes out of /mask, and the answer says what that was.

The answers are read by others: Pillow, OpenCV, and a search for the very bytes that went in.
"""

import io
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import requests
from PIL import Image

from core.pictures import metadata
from tests.contract import pictures
from tests.contract.admin import basic, body
from tests.contract.calls import masked
from tests.stack import Stack

HEADER = "X-Metadata-Removed"
FORMATS = ["jpeg", "png", "webp"]
PICTURES = {"face": pictures.astronaut(), "no_face": pictures.landscape()}
TOLD = {
    "JPEG": "exif, gps, xmp, thumbnail, comment, trailing_data",
    "PNG": "exif, gps, xmp, comment, trailing_data",
    "WEBP": "exif, gps, xmp, trailing_data",
    "TIFF": "comment",
    "HEIF": "exif, gps, xmp, thumbnail, trailing_data",
    "AVIF": "exif, gps, xmp, trailing_data",
}
# What none of the answers may have inside: marks of blocks, and what programs and cameras write into them. Of five
# bytes at least: shorter ones stand in compressed pixels by chance. How the files are made up shows them too.
TRACES = [
    *(
        b"Exif\0\0",
        b"GPSLatitude",
        b"http://ns.adobe.com/",
        b"xmpmeta",
        b"rdf:RDF",
        b"Photoshop",
        b"8BIM\x04",
        b"hdrgm:",
    ),
    *(b"urn:iso:std:iso:ts:21496", b"Apple", b"iPhone", b"Canon", b"NIKON", b"Panasonic", b"OLYMPUS", b"SECRET"),
]
CHUNKS = {
    "PNG": {"IHDR", "iCCP", "IDAT", "IEND"},
    "WEBP": {"VP8X", "ICCP", "ALPH", "VP8 ", "VP8L"},
}
# Of a JPEG: JFIF, the profile, the tables, the frame, the scans.
MARKERS = {0xE0, 0xE2, 0xC0, 0xC2, 0xC4, 0xDA, 0xDB, 0xDD}
# What Pillow tells of a picture beside pixels and profile: how the file is made, and nothing that was told.
PLAIN = {
    *("icc_profile", "jfif", "jfif_version", "jfif_unit", "jfif_density"),
    *("loop", "background", "timestamp", "duration"),  # of any WebP
}


def assert_only_pixels(output: bytes) -> Image.Image:
    """Check that a file holds one picture, at most an ICC profile, and nothing else that anybody could read."""
    picture = pictures.decoded(output)
    assert dict(picture.getexif()) == {}
    assert set(picture.info) <= PLAIN
    assert getattr(picture, "n_frames", 1) == 1
    assert metadata.list_names(output) == ()
    without = output
    if profile := picture.info.get("icc_profile"):
        # A profile may name its maker; it describes colours, not the picture. Both encoders deflate it in PNG.
        without = output.replace(profile, b"")
    assert [trace for trace in TRACES if trace in without] == []
    if picture.format == "JPEG":
        segments = pictures.jpeg_segments(output)
        assert {marker for marker, _ in segments} <= MARKERS
        assert all(body.startswith(b"ICC_PROFILE\0") for marker, body in segments if marker == 0xE2)
    else:
        walk = pictures.png_chunks if picture.format == "PNG" else pictures.webp_chunks
        assert set(walk(output)) <= CHUNKS[str(picture.format)]
    _, kinds, _ = cv2.imdecodeWithMetadata(np.frombuffer(output, np.uint8), cv2.IMREAD_COLOR)
    assert set(np.asarray(kinds).ravel()) <= {int(cv2.IMAGE_METADATA_ICCP)}
    return picture


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("source", TOLD)
@pytest.mark.parametrize("shown", PICTURES)
def test_answer_holds_pixels_alone(service: Stack, shown: str, source: str, kind: str) -> None:
    file = pictures.talkative(PICTURES[shown], source)
    assert any(secret in file for secret in pictures.SECRETS)
    answer = masked(service, file, format=kind)
    assert int(answer.headers["X-Face-Count"]) == (shown == "face")
    picture = assert_only_pixels(answer.content)
    assert picture.size == PICTURES[shown].size
    assert picture.info.get("icc_profile") == pictures.colour_profile()


@pytest.mark.parametrize("source", TOLD)
def test_answer_tells_what_is_gone(service: Stack, source: str) -> None:
    file = pictures.talkative(pictures.landscape(), source)
    assert masked(service, file).headers[HEADER] == TOLD[source]


@pytest.mark.parametrize("source", ["JPEG", "HEIF"])
def test_tried_mask_tells_what_is_gone(service: Stack, source: str) -> None:
    file = pictures.talkative(pictures.landscape(), source)
    found = body(basic(service, "POST", "/test/mask", files={"image": file}))
    assert ", ".join(found["metadata_removed"]) == TOLD[source]


def test_job_tells_what_is_gone(service: Stack) -> None:
    answer = masked(service, pictures.talkative(pictures.astronaut(), "JPEG"))
    found = body(basic(service, "GET", f"/jobs/{answer.headers['X-Job-Id']}"))
    assert ", ".join(found["report"]["metadata_removed"]) == TOLD["JPEG"]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "HEIF", "AVIF"])
def test_plain_picture_has_nothing_to_remove(service: Stack, kind: str) -> None:
    answer = masked(service, pictures.encoded(pictures.landscape(), kind))
    assert HEADER not in answer.headers
    tried = basic(service, "POST", "/test/mask", files={"image": pictures.encoded(pictures.landscape(), kind)})
    assert body(tried)["metadata_removed"] == []


@cache
def second_picture() -> bytes:
    """A JPEG of two pictures, as cameras write them: the second shows a face."""
    buffer = io.BytesIO()
    pictures.landscape().copy().save(buffer, "MPO", save_all=True, append_images=[pictures.astronaut().copy()])
    return buffer.getvalue()


@cache
def animation(kind: str) -> bytes:
    """Two frames; the second shows a face."""
    every = [pictures.landscape(512, 512), pictures.astronaut().copy()]
    return pictures.encoded(every[0], kind, save_all=True, append_images=every[1:])


@pytest.mark.parametrize(
    ("make", "reported"),
    [
        (second_picture, "mpf"),
        (partial(animation, "PNG"), "frames"),
        (partial(animation, "WEBP"), "frames"),
        (partial(animation, "AVIF"), "frames"),
        (partial(animation, "TIFF"), "pages"),
        (partial(animation, "HEIF"), "pages"),
    ],
    ids=["mpo", "apng", "webp", "avif", "tiff", "heif"],
)
@pytest.mark.parametrize("kind", FORMATS)
def test_hidden_picture_never_comes_out(service: Stack, make: Callable[[], bytes], reported: str, kind: str) -> None:
    answer = masked(service, make(), format=kind)
    assert reported in answer.headers[HEADER].split(", ")
    assert answer.headers["X-Face-Count"] == "0"
    first = assert_only_pixels(answer.content).convert("RGB")
    sky = np.asarray(first)[:40].astype(int)
    assert np.abs(sky - np.asarray(pictures.landscape(*first.size))[:40]).mean() < 4


def readable(name: str) -> bool:
    return Path(name).suffix in {".jpg", ".png", ".apng", ".webp", ".bmp", ".tif", ".heic", ".avif"}


def test_real_files_come_out_as_pixels(service: Stack, shared_data: Path) -> None:
    """Photographs of phones, cameras and programs: each into each format in turn."""
    reported: dict[str, Any] = {}
    names = sorted(path.name for path in (shared_data / "formats").iterdir() if readable(path.name))
    for number, name in enumerate(name for name in names if not name.startswith("100mp")):
        kind = FORMATS[number % 3]
        file = (shared_data / "formats" / name).read_bytes()
        answer: requests.Response = masked(service, file, format=kind, method="solid")
        assert_only_pixels(answer.content)
        reported[name] = answer.headers.get(HEADER, "")
        assert reported[name] == ", ".join(metadata.list_names(file)), name
    assert reported["iphone13-kitchen-noface.heic"] == "exif, xmp, thumbnail, gain_map"
    assert "gps" in reported["phone-orient6-gps-2faces.jpg"]
    assert "mpf" in reported["mpo-Panasonic_Lumix_DMC-LX7.jpg"]
