"""Transparency and other kinds of pixels."""

import itertools

import numpy as np
import pytest
from PIL import Image

from tests.contract import pictures
from tests.contract.calls import detected, masked
from tests.contract.mask.regions import FORMATS, Region, grown, inside
from tests.contract.pictures import Pixels
from tests.stack import Stack


def veiled() -> Image.Image:
    """The astronaut with alpha: full on the right, 180 on the left half, none in the corners."""
    alpha = np.full((512, 512), 255, np.uint8)
    alpha[:, :226] = 180
    for rows, columns in itertools.product((slice(0, 40), slice(472, 512)), repeat=2):
        alpha[rows, columns] = 0
    picture = pictures.astronaut().convert("RGBA")
    picture.putalpha(Image.fromarray(alpha))
    return picture


@pytest.mark.parametrize("source_kind", ["PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("kind", ["png", "webp"])
def test_alpha_is_kept_outside(service: Stack, source_kind: str, kind: str, region: Region) -> None:
    options = {"lossless": True, "exact": True} if source_kind == "WEBP" else {}
    file = pictures.encoded(veiled(), source_kind, **options)
    after = pictures.decoded(masked(service, file, format=kind, method="solid", quality=100).content)
    assert after.mode == "RGBA"
    before = np.asarray(veiled())
    margin = 8
    wide = (region[0] - margin, region[1] - margin, region[2] + margin, region[3] + margin)
    outside = ~inside(before.shape, wide)
    assert np.array_equal(np.asarray(after)[outside][:, 3], before[outside][:, 3])
    seen = outside & (before[..., 3] > 0)
    assert np.array_equal(np.asarray(after)[seen], before[seen])


@pytest.mark.parametrize("method", ["gaussian", "pixelate", "solid"])
@pytest.mark.parametrize("kind", ["png", "webp"])
def test_masked_region_is_opaque(service: Stack, method: str, kind: str) -> None:
    file = pictures.encoded(veiled(), "PNG")
    left, top, right, bottom = map(int, grown(service, veiled(), 0.15))
    after = np.asarray(pictures.decoded(masked(service, file, format=kind, method=method, quality=100).content))
    assert (after[top + 2 : bottom - 2, left + 2 : right - 2, 3] == 255).all()


def test_jpeg_shows_alpha_on_white(service: Stack) -> None:
    file = pictures.encoded(veiled(), "PNG")
    after = pictures.pixels(masked(service, file, format="jpeg", quality=100, method="solid").content).astype(int)
    white = Image.new("RGBA", (512, 512), (255, 255, 255, 255))
    expected = pictures.pixels(Image.alpha_composite(white, veiled())).astype(int)
    assert (after[4:32, 4:32] >= 250).all()
    assert np.abs(after - expected)[300:].mean() < 3


@pytest.mark.parametrize("kind", FORMATS)
def test_invisible_face_never_comes_out(service: Stack, kind: str) -> None:
    picture = pictures.astronaut().convert("RGBA")
    picture.putalpha(0)
    response = masked(service, pictures.encoded(picture, "PNG"), format=kind, quality=100)
    bare = pictures.decoded(response.content).convert("RGBA").convert("RGB")
    assert detected(service, pictures.encoded(bare, "PNG"))["detections"] == []


def test_sixteen_bits_become_eight(service: Stack, source: Pixels, region: Region) -> None:
    deep = np.asarray(source)[..., ::-1].astype(np.uint16) * 257
    file = pictures.png16(deep)
    after = pictures.decoded(masked(service, file, format="png", method="solid").content)
    outside = ~inside(source.shape, region)
    assert after.mode == "RGB"
    assert np.array_equal(np.asarray(after)[outside], source[outside])


def test_grey_picture_keeps_its_pixels(service: Stack) -> None:
    grey = pictures.astronaut().convert("L")
    after = pictures.pixels(masked(service, pictures.encoded(grey, "PNG"), format="png", method="solid").content)
    assert np.array_equal(after[300:], pictures.pixels(grey)[300:])
    assert not after[90:150, 200:250].any()


def test_palette_transparency_is_kept(service: Stack) -> None:
    picture = pictures.landscape().quantize(16)
    file = pictures.encoded(picture, "PNG", transparency=0)
    after = pictures.decoded(masked(service, file, format="png").content).convert("RGBA")
    before = pictures.decoded(file).convert("RGBA")
    assert np.array_equal(np.asarray(after)[..., 3], np.asarray(before)[..., 3])
