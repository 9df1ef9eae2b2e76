"""A mask tried out by the administrator: the picture and all that is told of it, in one JSON."""

import base64
from typing import Any

import pytest

from tests.contract import pictures
from tests.contract.admin import basic, body, call, cookie
from tests.contract.calls import assert_problem, detected, fields, is_uuid, mask
from tests.stack import Stack

HOW = {"cover": "face", "regions_masked": 1, "doubtful": 0, "kept_faces": 0, "uncovered_faces": 0}


def tried(service: Stack, file: bytes, **query: Any) -> dict[str, Any]:
    return body(basic(service, "POST", "/test/mask", files={"image": ("photo", file)}, params=query))


def test_answer_tells_what_detect_tells(service: Stack) -> None:
    file = pictures.portrait()
    found, plain = tried(service, file), detected(service, file, detail="balanced")
    assert set(found) == set(plain) | {"masking", "metadata_removed", "output", "verification"}
    for name in ("image", "detections", "summary"):
        assert found[name] == plain[name]
    for name in ("processing", "profiling"):
        assert set(found[name]) == set(plain[name])
    assert is_uuid(found["request_id"])


def test_answer_tells_how_it_masked(service: Stack) -> None:
    found = tried(service, pictures.portrait(), method="pixelate", strength=5, padding=0.3, format="png", quality=7)
    effective = found["masking"].pop("effective_strength")
    assert found["masking"] == {"method": "pixelate", "strength": 5, "padding": 0.3, **HOW}
    assert type(effective) is int and effective > 5
    image = found["output"].pop("image_base64")
    assert found["output"] == {"format": "png", "quality": 7, "size_bytes": len(base64.b64decode(image))}
    timings = found["profiling"]
    assert timings["mask_ms"] > 0 and timings["encode_ms"] > 0
    assert timings["output_bytes"] == found["output"]["size_bytes"]


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp"])
def test_picture_is_that_of_mask(service: Stack, kind: str) -> None:
    file = pictures.portrait()
    image = base64.b64decode(tried(service, file, format=kind)["output"]["image_base64"])
    assert image == mask(service, file, format=kind).content


def test_picture_without_face_has_no_regions(service: Stack) -> None:
    found = tried(service, pictures.encoded(pictures.landscape(), "PNG"))
    assert found["masking"]["regions_masked"] == 0 and found["detections"] == []


def test_cookie_lets_in(service: Stack) -> None:
    response = call(service, "POST", "/test/mask", files={"image": pictures.portrait()}, cookies=cookie(service))
    assert body(response)["summary"]["face_count"] == 1


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({}, 422),
        ({"files": {"image": b""}}, 422),
        ({"files": {"image": pictures.STRANGERS["gif"]}}, 415),
        ({"files": {"image": pictures.png_header(20_000, 20_000)}}, 413),
        ({"files": {"image": pictures.portrait()}, "params": {"strength": "0"}}, 422),
        ({"files": {"image": pictures.portrait()}, "params": {"strenght": "9"}}, 422),
        ({"files": {"image": pictures.portrait()}, "data": {"strength": "9"}}, 422),
        ({"data": b"x", "headers": {"Content-Type": "multipart/form-data"}}, 400),
    ],
)
def test_odd_call_is_refused(service: Stack, options: dict[str, Any], status: int) -> None:
    assert_problem(basic(service, "POST", "/test/mask", **options), status)


def test_odd_option_is_named(service: Stack) -> None:
    files = {"image": pictures.portrait()}
    response = basic(service, "POST", "/test/mask", files=files, params={"padding": "3"})
    assert fields(assert_problem(response, 422)) == {"padding"}


def test_call_is_503_without_worker(without_worker: Stack) -> None:
    response = basic(without_worker, "POST", "/test/mask", files={"image": pictures.portrait()})
    assert_problem(response, (503, 504))
