"""Every kind of sample becomes 8-bit BGR, with its alpha and its profile."""

import struct

import numpy as np
import pytest
from PIL import Image

from core.errors import (
    UndecodableImage,
)
from core.pictures import headers
from tests import pictures
from tests.pictures import LIKE_JPEG, MANY, WAYS, decoded, furthest, rgb


@pytest.mark.parametrize("form", WAYS)
def test_decode_gives_bgr(form: str) -> None:
    picture = decoded(pictures.file(pictures.quarters(), form, **WAYS[form]))
    assert picture.pixels.dtype == np.uint8
    assert picture.pixels.flags.c_contiguous
    assert furthest(rgb(picture), pictures.quarters()) <= LIKE_JPEG
    assert picture.alpha is None


@pytest.mark.parametrize("mode", ["1", "L", "P"])
@pytest.mark.parametrize("form", ["png", "tiff", "bmp"])
def test_decode_widens_narrow_modes(form: str, mode: str) -> None:
    image = Image.fromarray(pictures.astronaut()).convert(mode)
    picture = decoded(pictures.file(image, form))
    assert furthest(rgb(picture), np.asarray(image.convert("RGB"))) == 0


def test_decode_widens_grey_jpeg() -> None:
    image = Image.fromarray(pictures.ramp())
    picture = decoded(pictures.file(image, "jpeg", quality=95))
    assert furthest(rgb(picture), np.asarray(image.convert("RGB"))) <= LIKE_JPEG


@pytest.mark.parametrize("form", ["jpeg", "tiff"])
def test_decode_converts_cmyk(form: str) -> None:
    image = Image.fromarray(pictures.quarters()).convert("CMYK")
    picture = decoded(pictures.file(image, form, **({"quality": 98} if form == "jpeg" else {})))
    assert furthest(rgb(picture), pictures.quarters()) <= 2 * LIKE_JPEG


def test_decode_converts_black_ink() -> None:
    ink = np.zeros((16, 48, 4), np.uint8)
    ink[:, :, 3] = np.repeat([0, 128, 255], 16)
    picture = decoded(pictures.file(Image.fromarray(ink, "CMYK"), "jpeg", quality=98))
    assert furthest(picture.pixels[8, [8, 24, 40], 0], np.array([255, 127, 0])) <= LIKE_JPEG


def test_decode_narrows_sixteen_bits() -> None:
    deep = np.array([[0, 511, 0x1234, 65535]], np.uint16)
    grey = [0, 1, 0x12, 255]
    assert decoded(pictures.file(deep, "png")).pixels[0, :, 0].tolist() == grey
    assert decoded(pictures.file(deep, "tiff")).pixels[0, :, 0].tolist() == grey
    colour = np.stack([deep, deep[:, ::-1], np.full_like(deep, 1000)], axis=-1)
    data = pictures.png((4, 1), 16, 2, b"\0" + colour.astype(">u2").tobytes())
    assert rgb(decoded(data))[0].tolist() == [[0, 255, 3], [1, 0x12, 3], [0x12, 1, 3], [255, 0, 3]]


@pytest.mark.parametrize("mode", ["F", "I"])
def test_decode_refuses_wide_samples(mode: str) -> None:
    with pytest.raises(UndecodableImage):
        decoded(pictures.file(Image.fromarray(pictures.ramp()).convert(mode), "tiff"))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_decode_keeps_alpha(mode: str) -> None:
    image = Image.fromarray(pictures.quarters(64, 64)).convert(mode)
    image.putalpha(Image.fromarray(pictures.ramp(64, 64)))
    picture = decoded(pictures.file(image, "tiff" if mode == "PA" else "png"))
    assert picture.alpha is not None
    assert furthest(picture.alpha, pictures.ramp(64, 64)) == 0


def test_decode_drops_opaque_alpha() -> None:
    image = Image.fromarray(pictures.quarters()).convert("RGBA")
    assert decoded(pictures.file(image, "png")).alpha is None


def test_decode_keeps_palette_transparency() -> None:
    image = Image.fromarray(pictures.quarters()).convert("P")
    first = image.getpixel((0, 0))
    alpha = decoded(pictures.file(image, "png", transparency=first)).alpha
    assert alpha is not None
    assert alpha[0, 0] == 0
    assert alpha[-1, -1] == 255


@pytest.mark.parametrize(
    ("depth", "kind", "row", "key"),
    [
        (1, 0, b"\x40", (1,)),
        (2, 0, b"\x10", (1,)),
        (4, 0, b"\x01\x00", (1,)),
        (8, 0, b"\x00\x01\x00\x00", (1,)),
        (16, 0, struct.pack(">4H", 256, 257, 256, 256), (257,)),
        (8, 2, b"\0\0\0\1\2\3\0\0\0\3\2\1", (1, 2, 3)),
        (16, 2, struct.pack(">12H", 7, 8, 8, 7, 8, 9, 7, 7, 9, 0, 0, 0), (7, 8, 9)),
    ],
)
def test_decode_keeps_colour_key(depth: int, kind: int, row: bytes, key: tuple[int, ...]) -> None:
    """The second of four pixels has the transparent colour."""
    transparent = pictures.chunk(b"tRNS", struct.pack(f">{len(key)}H", *key))
    alpha = decoded(pictures.png((4, 1), depth, kind, b"\0" + row, transparent)).alpha
    assert alpha is not None
    assert alpha.tolist() == [[255, 0, 255, 255]]


def test_bmp_without_alpha_is_opaque() -> None:
    """Many programs write zeros where a BMP's alpha would stand."""
    masks = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    opaque = decoded(pictures.bmp((2, 1), 32, 3, b"\1\2\3\0\4\5\6\0", masks))
    assert opaque.alpha is None
    assert opaque.pixels.tolist() == [[[1, 2, 3], [4, 5, 6]]]
    clear = decoded(pictures.bmp((2, 1), 32, 3, b"\1\2\3\7\4\5\6\0", masks))
    assert clear.alpha is not None
    assert clear.alpha.tolist() == [[7, 0]]


@pytest.mark.parametrize("form", ["png", "webp", "tiff"])
def test_decode_takes_first_frame(form: str) -> None:
    frames = [Image.fromarray(pictures.quarters()), Image.fromarray(pictures.quarters()[::-1].copy())]
    data = pictures.file(frames[0], form, save_all=True, append_images=frames[1:], **WAYS[form])
    assert furthest(rgb(decoded(data)), pictures.quarters()) == 0


def test_decode_takes_first_of_mpo() -> None:
    second = Image.fromarray(pictures.quarters()[::-1].copy())
    data = pictures.file(pictures.quarters(), "mpo", save_all=True, append_images=[second], **WAYS["jpeg"])
    assert headers.probe(data, MANY).format == "jpeg"
    assert furthest(rgb(decoded(data)), pictures.quarters()) <= LIKE_JPEG


def test_pictures_of_one_pixel_are_read() -> None:
    for form, way in WAYS.items():
        data = pictures.file(Image.new("RGB", (1, 1), (200, 100, 50)), form, **way)
        assert furthest(rgb(decoded(data)), np.array([[[200, 100, 50]]])) <= LIKE_JPEG


def with_hidden_face() -> bytes:
    alpha = np.full((512, 512), 255, np.uint8)
    alpha[:, :256] = 0
    alpha[:, 256:384] = 1
    return pictures.file(np.dstack([pictures.astronaut(), alpha]), "png")


def test_pixels_under_no_alpha_are_blackened() -> None:
    picture = decoded(with_hidden_face())
    assert not picture.pixels[:, :256].any()
    assert furthest(rgb(picture)[:, 256:], pictures.astronaut()[:, 256:]) == 0


def test_profile_is_cut_to_its_size() -> None:
    padded = pictures.srgb_profile() + b"SECRET"
    assert decoded(pictures.file(pictures.quarters(), "tiff", icc_profile=padded)).icc == pictures.srgb_profile()


@pytest.mark.parametrize("form", ["jpeg", "png", "tiff"])
def test_unsound_profile_is_dropped(form: str) -> None:
    srgb = pictures.srgb_profile()
    grey = srgb[:16] + b"GRAY" + srgb[20:]
    for profile in (b"rubbish", srgb[:-1], srgb.replace(b"acsp", b"nope"), grey, pictures.large_profile(2**20 + 1)):
        assert decoded(pictures.file(pictures.quarters(), form, icc_profile=profile)).icc is None


@pytest.mark.parametrize(("form", "mode"), [("jpeg", "L"), ("jpeg", "CMYK"), ("png", "L"), ("tiff", "CMYK")])
def test_profile_of_converted_pixels_is_dropped(form: str, mode: str) -> None:
    image = Image.fromarray(pictures.quarters()).convert(mode)
    assert decoded(pictures.file(image, form, icc_profile=pictures.srgb_profile())).icc is None
