"""What leaves: the pixels and the profile, and nothing else."""

from typing import Any

import numpy as np
import pytest

from core.errors import (
    UnencodableImage,
)
from core.pictures import headers, images
from tests import pictures
from tests.pictures import LIKE_JPEG, MANY, decoded, furthest


@pytest.mark.parametrize(("form", "loss"), [("jpeg", LIKE_JPEG), ("png", 0), ("webp", 0)])
def test_encode_keeps_pixels(form: Any, loss: int) -> None:
    smooth = np.dstack([pictures.ramp()] * 3)
    again = decoded(images.encode(smooth, None, None, form, 100))
    assert furthest(again.pixels, smooth) <= loss
    assert headers.probe(images.encode(smooth, None, None, form, 100), MANY).format == form


@pytest.mark.parametrize("form", ["jpeg", "png", "webp"])
def test_encode_keeps_the_order_of_colours(form: Any) -> None:
    encoded = images.encode(pictures.quarters()[:, :, ::-1].copy(), None, None, form, 95)
    inner = np.asarray(pictures.opened(encoded))[8:24, 8:40]
    assert furthest(inner, pictures.quarters()[8:24, 8:40]) <= LIKE_JPEG


@pytest.mark.parametrize("form", ["png", "webp"])
def test_encode_keeps_alpha(form: Any) -> None:
    pixels = np.full((64, 64, 3), 90, np.uint8)
    picture = decoded(images.encode(pixels, pictures.ramp(), None, form, 95))
    assert picture.alpha is not None
    assert furthest(picture.alpha, pictures.ramp()) == 0


def test_jpeg_shows_white_through_alpha() -> None:
    data = images.encode(np.zeros((64, 64, 3), np.uint8), pictures.ramp(), None, "jpeg", 100)
    assert furthest(decoded(data).pixels[:, :, 0], 255 - pictures.ramp()) <= LIKE_JPEG


@pytest.mark.parametrize("form", ["jpeg", "webp"])
def test_quality_governs_size(form: Any) -> None:
    sizes = [len(images.encode(pictures.astronaut(), None, None, form, quality)) for quality in (1, 50, 95, 100)]
    assert sizes == sorted(set(sizes))


@pytest.mark.parametrize("form", ["jpeg", "png", "webp"])
def test_output_holds_no_metadata(form: Any) -> None:
    secrets = {"exif": pictures.exif(1), "icc_profile": pictures.srgb_profile()}
    xmp = b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>SECRET-XMP</x:xmpmeta>"
    photo = pictures.file(pictures.astronaut(), "jpeg", comment=b"SECRET-COMMENT", **secrets)
    marked = photo[:2] + pictures.segment(0xE1, xmp) + photo[2:] + b"SECRET-TRAILER"
    picture = decoded(marked)
    out = images.encode(picture.pixels, picture.alpha, picture.icc, form, 95)
    assert b"SECRET" in marked
    assert b"CAMERA-NAME" in marked
    for word in (b"SECRET", b"CAMERA-NAME", b"Exif", b"EXIF", b"XMP", b"xmpmeta"):
        assert word not in out
    image = pictures.opened(out)
    assert dict(image.getexif()) == {}
    assert set(image.info) <= {
        "icc_profile",
        *("jfif", "jfif_version", "jfif_unit", "jfif_density", "loop", "background", "timestamp", "duration"),
    }


@pytest.mark.parametrize(
    ("form", "known"),
    [
        ("png", {b"IHDR", b"iCCP", b"IDAT", b"IEND"}),
        ("webp", {b"VP8X", b"ICCP", b"ALPH", b"VP8 "}),
    ],
)
def test_output_has_known_chunks_only(form: Any, known: set[bytes]) -> None:
    out = images.encode(pictures.quarters(64, 64), pictures.ramp(), pictures.srgb_profile(), form, 90)
    walk = headers.chunks if form == "png" else headers.riff_chunks
    assert {name for name, _, _ in walk(out)} <= known


@pytest.mark.parametrize("form", ["png", "webp"])
def test_encode_hides_nothing_under_alpha(form: Any) -> None:
    alpha = np.repeat(np.array([[0, 255]], np.uint8), 64, axis=0).repeat(32, axis=1)
    pixels = np.full((64, 64, 3), 200, np.uint8)
    out = np.asarray(pictures.opened(images.encode(pixels, alpha, None, form, 100)).convert("RGBA"))
    assert not out[:, :32].any()
    assert (out[:, 32:] == (200, 200, 200, 255)).all()


def test_flatten_composites_on_white() -> None:
    alpha = np.array([[0, 51, 255]], np.uint8)
    picture = images.DecodedImage(np.full((1, 3, 3), 100, np.uint8), alpha)
    assert images.flatten(picture)[0, :, 0].tolist() == [255, 224, 100]


def test_flatten_keeps_opaque_pixels() -> None:
    picture = images.DecodedImage(pictures.quarters())
    assert furthest(images.flatten(picture), pictures.quarters()) == 0


@pytest.mark.parametrize("into", ["jpeg", "png", "webp"])
@pytest.mark.parametrize("out_of", ["jpeg", "png", "webp", "tiff"])
def test_rgb_profile_is_kept(out_of: str, into: Any) -> None:
    data = pictures.file(pictures.quarters(), out_of, icc_profile=pictures.srgb_profile())
    picture = decoded(data)
    out = images.encode(picture.pixels, picture.alpha, picture.icc, into, 90)
    assert pictures.opened(out).info["icc_profile"] == pictures.srgb_profile()


@pytest.mark.parametrize("form", ["jpeg", "png", "webp"])
def test_large_profile_is_kept(form: Any) -> None:
    profile = pictures.large_profile(200_000)
    out = images.encode(pictures.quarters(), None, profile, form, 90)
    assert decoded(out).icc == profile
    assert pictures.opened(out).info["icc_profile"] == profile


@pytest.mark.parametrize(
    ("form", "side", "other"), [("webp", 16_383, "jpeg"), ("jpeg", 65_500, "png"), ("png", 1_000_000, "no format")]
)
def test_too_long_side_names_what_fits(form: Any, side: int, other: str) -> None:
    fits = np.zeros((1, side, 3), np.uint8)
    assert decoded(images.encode(fits, None, None, form, 90)).pixels.shape == fits.shape
    for shape in ((1, side + 1, 3), (side + 1, 1, 3)):
        with pytest.raises(UnencodableImage, match=f"{side} .*{other}"):
            images.encode(np.zeros(shape, np.uint8), None, None, form, 90)
