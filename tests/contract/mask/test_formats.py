"""The formats of the output, and what each option does to it."""

import numpy as np
import pytest
import requests
from PIL import Image

from tests.contract import pictures
from tests.contract.calls import mask, masked
from tests.contract.mask.regions import FORMATS, METHODS, Region
from tests.stack import Stack


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("method", METHODS)
def test_mask_answers_asked_format(service: Stack, method: str, kind: str) -> None:
    response = masked(service, pictures.encoded(pictures.hopper(), "JPEG"), method=method, format=kind)
    assert response.headers["Content-Type"] == f"image/{kind}"
    picture = pictures.decoded(response.content)
    assert (picture.format, picture.size) == (FORMATS[kind], (512, 600))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF"])
def test_mask_reads_every_format(service: Stack, kind: str, region: Region) -> None:
    response = masked(service, pictures.portrait(kind), method="solid", format="png")
    left, top, right, bottom = region
    assert response.headers["X-Face-Count"] == "1"
    assert not pictures.pixels(response.content)[top + 3 : bottom - 3, left + 3 : right - 3].any()


def test_default_output_is_jpeg(answer: requests.Response) -> None:
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert pictures.decoded(answer.content).format == "JPEG"


def test_defaults_are_the_contracts(service: Stack, answer: requests.Response) -> None:
    spelt_out = {
        "confidence": "0.5",
        "nms_threshold": "0.4",
        "max_faces": "0",
        "method": "gaussian",
        "strength": "199",
        "padding": "0.15",
        "format": "jpeg",
        "quality": "95",
        "detail": "balanced",
        "doubtful": "mask",
        "verify": "true",
    }
    assert masked(service, pictures.portrait(), **spelt_out).content == answer.content


@pytest.mark.parametrize(("name", "value"), [("strength", "401"), ("padding", "0.4"), ("quality", "60")])
def test_each_option_changes_the_output(service: Stack, answer: requests.Response, name: str, value: str) -> None:
    assert masked(service, pictures.portrait(), **{name: value}).content != answer.content


@pytest.mark.parametrize("kind", ["jpeg", "webp"])
def test_quality_sets_the_size(service: Stack, kind: str) -> None:
    low, high = (masked(service, pictures.portrait("PNG"), format=kind, quality=quality) for quality in (10, 95))
    assert len(low.content) < 0.5 * len(high.content)


def test_png_ignores_quality(service: Stack) -> None:
    low, high = (masked(service, pictures.portrait("PNG"), format="png", quality=quality) for quality in (1, 100))
    assert low.content == high.content


@pytest.mark.parametrize("picture", [pictures.astronaut(), pictures.landscape()], ids=["face", "no_face"])
def test_webp_at_full_quality_is_lossless(service: Stack, picture: Image.Image) -> None:
    file = pictures.encoded(picture, "PNG")
    lossless = masked(service, file, format="webp", quality=100).content
    assert "VP8L" in pictures.webp_chunks(lossless)
    assert np.array_equal(pictures.pixels(lossless), pictures.pixels(masked(service, file, format="png").content))


def test_webp_below_full_quality_is_lossy(service: Stack) -> None:
    assert "VP8L" not in pictures.webp_chunks(masked(service, pictures.portrait(), format="webp", quality=99).content)


@pytest.mark.parametrize(
    "query",
    [
        {"strength": "1"},
        {"strength": "999"},
        {"padding": "0"},
        {"padding": "2"},
        {"padding": "2.0"},
        {"quality": "1"},
        {"quality": "100"},
        {"confidence": "0.01"},
        {"nms_threshold": "1"},
        {"max_faces": "1000000"},
    ],
    ids=str,
)
def test_mask_accepts_range_limits(service: Stack, query: dict[str, str]) -> None:
    assert mask(service, pictures.portrait(), **query).status_code == 200
