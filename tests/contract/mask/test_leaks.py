"""Nothing but pixels and their colour profile comes out."""

from pathlib import Path

import pytest
from PIL import Image

from tests.contract import pictures
from tests.contract.calls import masked
from tests.contract.mask.regions import FORMATS
from tests.stack import Stack


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("source_kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("picture", [pictures.astronaut(), pictures.landscape()], ids=["face", "no_face"])
def test_nothing_told_comes_out(service: Stack, picture: Image.Image, source_kind: str, kind: str) -> None:
    file = pictures.talkative(picture, source_kind)
    output = masked(service, file, format=kind).content
    assert any(secret in file for secret in pictures.SECRETS)
    assert b"SECRET" not in output
    assert b"Exif" not in output and b"xmpmeta" not in output and b"Photoshop" not in output


@pytest.mark.parametrize("picture", [pictures.astronaut(), pictures.landscape()], ids=["face", "no_face"])
def test_jpeg_holds_pixels_and_profile(service: Stack, picture: Image.Image) -> None:
    output = masked(service, pictures.talkative(picture, "JPEG"), format="jpeg").content
    frame = {0xC0, 0xC1, 0xC2, 0xC4, 0xDA, 0xDB, 0xDD}
    for marker, body in pictures.jpeg_segments(output):
        profile = marker == 0xE2 and body.startswith(b"ICC_PROFILE\x00")
        plain = marker == 0xE0 and body.startswith(b"JFIF\x00") and body[12:14] == b"\x00\x00"
        assert marker in frame or profile or plain, hex(marker)


@pytest.mark.parametrize("picture", [pictures.astronaut(), pictures.landscape()], ids=["face", "no_face"])
def test_png_holds_pixels_and_profile(service: Stack, picture: Image.Image) -> None:
    output = masked(service, pictures.talkative(picture, "PNG"), format="png").content
    assert set(pictures.png_chunks(output)) <= {"IHDR", "PLTE", "tRNS", "iCCP", "IDAT", "IEND"}


@pytest.mark.parametrize("picture", [pictures.astronaut(), pictures.landscape()], ids=["face", "no_face"])
@pytest.mark.parametrize("quality", [80, 100])
def test_webp_holds_pixels_and_profile(service: Stack, picture: Image.Image, quality: int) -> None:
    output = masked(service, pictures.talkative(picture, "WEBP"), format="webp", quality=quality).content
    assert set(pictures.webp_chunks(output)) <= {"VP8 ", "VP8L", "VP8X", "ALPH", "ICCP"}


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("source_kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_colour_profile_is_kept(service: Stack, source_kind: str, kind: str) -> None:
    file = pictures.talkative(pictures.astronaut(), source_kind)
    output = pictures.decoded(masked(service, file, format=kind).content)
    assert output.info.get("icc_profile") == pictures.colour_profile()


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("name", ["portrait-cmyk.jpg", "portrait-gray.jpg", "portrait-icc-rgb.tif"])
def test_kept_profile_fits_the_pixels(service: Stack, shared_data: Path, name: str, kind: str) -> None:
    output = pictures.decoded(masked(service, (shared_data / "formats" / name).read_bytes(), format=kind).content)
    profile = output.info.get("icc_profile")
    space = {"L": b"GRAY"}.get(output.mode, b"RGB ")
    assert profile is None or profile[16:20] == space


def test_second_picture_never_comes_out(service: Stack) -> None:
    first = pictures.encoded(pictures.landscape(), "JPEG")
    output = masked(service, first + pictures.portrait(), format="jpeg").content
    assert output.count(b"\xff\xd8\xff") == 1
    assert pictures.decoded(output).size == (640, 480)
