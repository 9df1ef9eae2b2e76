"""Options of POST /api/v1/mask: `strength=auto`, `cover=head`, regions that are always or never masked."""

import json
from typing import Any

import numpy as np
import pytest
import requests

from tests.contract import pictures
from tests.contract.admin import basic, body
from tests.contract.calls import DETECT, MASK, assert_problem, detected, fields, masked, post
from tests.contract.mask.regions import METHODS, STRENGTH, black_region, inside, png
from tests.contract.pictures import Pixels
from tests.stack import Stack

KEPT, COUNT = "X-Kept-Faces", "X-Face-Count"
FACE = dict(zip(("x1", "y1", "x2", "y2"), pictures.ASTRONAUT_FACE, strict=True))
BAND = {"unit": "relative", "x1": 0, "y1": 0.875, "x2": 1, "y2": 1}
EVERYWHERE = {"unit": "relative", "x1": 0, "y1": 0, "x2": 1, "y2": 1}


def with_regions(service: Stack, data: dict[str, Any], file: bytes | None = None, **query: Any) -> requests.Response:
    """Mask a portrait, or this file, with these text fields; what is no text is sent as JSON."""
    texts = {name: given if isinstance(given, str) else json.dumps(given) for name, given in data.items()}
    image = ("photo.png", file or pictures.portrait("PNG"))
    parts = [("image", image), *((name, (None, text)) for name, text in texts.items())]
    return post(service, MASK, files=parts, params={"format": "png", **query})


def answered(service: Stack, data: dict[str, Any], **query: Any) -> tuple[Pixels, Any]:
    """The pixels and the headers of a successful answer."""
    response = with_regions(service, data, **query)
    assert response.status_code == 200, response.text
    return pictures.pixels(response.content), response.headers


@pytest.mark.parametrize("method", METHODS)
def test_auto_is_the_weakest_that_hides(service: Stack, method: str) -> None:
    file = pictures.encoded(pictures.group(2, cell=128), "PNG")
    auto, least = (masked(service, file, method=method, strength=one, format="png") for one in ("auto", 1))
    assert auto.content == least.content and auto.headers[STRENGTH] == least.headers[STRENGTH]
    assert detected(service, auto.content)["detections"] == []


def test_auto_is_weaker_than_the_default_on_small_faces(service: Stack) -> None:
    file = pictures.encoded(pictures.group(6, 3, cell=100), "PNG")
    auto, usual = (int(masked(service, file, **query).headers[STRENGTH]) for query in ({"strength": "auto"}, {}))
    assert auto < usual == 199


def test_head_covers_more_than_face(service: Stack, source: Pixels) -> None:
    face, head = (
        black_region(source, png(service, pictures.astronaut(), method="solid", padding=0, cover=cover))
        for cover in ("face", "head")
    )
    height = face[3] - face[1]
    assert face[1] - head[1] >= 0.38 * height and head[3] > face[3]
    assert head[2] - head[0] >= 1.2 * height


def test_mask_region_is_always_masked(service: Stack, source: Pixels) -> None:
    pixels, headers = answered(
        service, {"mask_regions": [BAND, {"x1": 3.5, "y1": 4, "x2": 20, "y2": 30}]}, method="solid"
    )
    assert not pixels[448:].any() and not pixels[4:30, 3:20].any()
    assert (pixels[:4] == source[:4]).all() and (headers[COUNT], headers[KEPT]) == ("1", "0")


@pytest.mark.parametrize("orientation", [3, 6])
def test_mask_region_is_in_upright_pixels(service: Stack, orientation: int) -> None:
    file = pictures.turned(pictures.landscape(), orientation, "PNG")
    corner = {"x1": 0, "y1": 0, "x2": 40, "y2": 20}
    response = with_regions(service, {"mask_regions": [corner]}, file, method="solid")
    black = pictures.pixels(response.content).max(axis=2) == 0
    assert black[:20, :40].all() and black.sum() == 800


def test_kept_face_is_left(service: Stack, source: Pixels) -> None:
    pixels, headers = answered(service, {"keep_regions": [FACE]})
    assert (pixels == source).all()
    assert (headers[COUNT], headers[KEPT], headers["X-Residual-Faces"]) == ("0", "1", "0")


def test_others_are_masked_beside_kept_face(service: Stack) -> None:
    picture = pictures.group(2)
    before = pictures.pixels(picture)
    left = {**EVERYWHERE, "x2": 0.5}
    response = with_regions(service, {"keep_regions": [left]}, pictures.encoded(picture, "PNG"))
    changed = np.abs(pictures.pixels(response.content).astype(int) - before).max(axis=2) > 0
    assert not changed[:, :200].any() and changed[:, 256:].mean() > 0.1
    assert (response.headers[COUNT], response.headers[KEPT]) == ("1", "1")


def test_mask_regions_win_over_keep_regions(service: Stack, source: Pixels) -> None:
    pixels, headers = answered(service, {"mask_regions": [FACE], "keep_regions": [EVERYWHERE]}, method="solid")
    hidden = inside(source.shape, (180, 58, 271, int(np.ceil(FACE["y2"]))))
    assert not pixels[hidden].any() and (pixels[~hidden] == source[~hidden]).all()
    assert (headers[COUNT], headers[KEPT]) == ("0", "1")


def test_json_tells_of_regions(service: Stack) -> None:
    files = {
        "image": ("photo", pictures.portrait()),
        "mask_regions": (None, json.dumps([BAND])),
        "keep_regions": (None, json.dumps([EVERYWHERE])),
    }
    query = {"strength": "auto", "cover": "head"}
    found = body(basic(service, "POST", "/test/mask", files=files, params=query))["masking"]
    assert {name: found[name] for name in (*query, "regions_masked", "kept_faces", "uncovered_faces")} == {
        **query,
        "regions_masked": 1,
        "kept_faces": 1,
        "uncovered_faces": 1,
    }


def test_job_tells_what_was_asked(service: Stack) -> None:
    response = with_regions(service, {"mask_regions": [BAND], "keep_regions": [FACE]}, strength="auto", cover="head")
    if "X-Job-Id" not in response.headers:
        pytest.skip("nothing is stored here")
    found = body(basic(service, "GET", f"/jobs/{response.headers['X-Job-Id']}"))
    report = found["report"]
    assert (found["strength"], report["strength"], report["cover"]) == (None, "auto", "head")
    assert (report["mask_regions"], report["keep_regions"]) == ([BAND], [{"unit": "pixels", **FACE}])
    assert (report["regions"], report["kept_faces"], found["face_count"]) == (1, 1, 0)
    assert (found["uncovered_faces"], found["edited_by"], len(report["uncovered"])) == (1, None, 1)


def test_edit_keeps_what_was_asked(service: Stack) -> None:
    response = with_regions(service, {"mask_regions": [BAND]}, strength="auto", cover="head", method="solid")
    if "X-Job-Id" not in response.headers:
        pytest.skip("nothing is stored here")
    path = f"/images/{response.headers['X-Image-Id']}/mask"
    made = body(basic(service, "POST", path, json={"remove": [0]}), 201)
    again = body(basic(service, "POST", path, json={"job_id": made["id"], "keep": []}), 201)
    for job in (made, again):
        assert (job["strength"], job["face_count"], job["report"]["regions"]) == (None, 0, 1)
        assert (job["report"]["cover"], job["report"]["mask_regions"]) == ("head", [BAND])
        pixels = pictures.pixels(requests.get(job["processed_url"], timeout=30).content)
        assert not pixels[448:].any()


NOT_REGIONS: list[tuple[Any, str]] = [
    ("", ""),
    ("x", ""),
    ("{}", ""),
    ("3", ""),
    ("null", ""),
    ("[" * 100_000, ""),
    ("9" * 5000, ""),
    ([3], "[0]"),
    ([[0, 0, 1, 1]], "[0]"),
    ([{**FACE, "x3": 1}], "[0].x3"),
    ([{"x1": 0, "y1": 0, "x2": 1}], "[0].y2"),
    ([FACE, {**FACE, "x2": "9"}], "[1].x2"),
    ([{**FACE, "x2": True}], "[0].x2"),
    ([{**FACE, "x2": None}], "[0].x2"),
    ([{**FACE, "x2": float("nan")}], ""),
    ([{**FACE, "x2": float("inf")}], ""),
    ([{**FACE, "y1": -2_000_000}], "[0].y1"),
    ([{**FACE, "x2": FACE["x1"]}], "[0].x2"),
    ([{**FACE, "y2": 0}], "[0].y2"),
    ([{**BAND, "x2": 1.01}], "[0].x2"),
    ([{**BAND, "unit": "%"}], "[0].unit"),
    ([FACE] * 201, ""),
]


@pytest.mark.parametrize("name", ["mask_regions", "keep_regions"])
@pytest.mark.parametrize(("sent", "place"), NOT_REGIONS, ids=[repr(sent)[:40] for sent, _ in NOT_REGIONS])
def test_wrong_region_is_422(service: Stack, name: str, sent: Any, place: str) -> None:
    assert fields(assert_problem(with_regions(service, {name: sent}), 422)) == {name + place}


def test_mask_region_outside_is_422(service: Stack) -> None:
    outside = {"x1": 512, "y1": 0, "x2": 600, "y2": 90}
    assert fields(assert_problem(with_regions(service, {"mask_regions": [FACE, outside]}), 422)) == {"mask_regions[1]"}
    assert with_regions(service, {"keep_regions": [outside]}).status_code == 200


def test_problems_are_no_more_than_anybody_reads(service: Stack) -> None:
    problem = assert_problem(with_regions(service, {"mask_regions": [{}] * 200}), 422)
    assert len(problem["errors"]) == 20


@pytest.mark.parametrize("name", ["mask_regions", "keep_regions"])
def test_regions_are_sent_once_and_as_text(service: Stack, name: str) -> None:
    image, text = ("image", ("photo", pictures.portrait())), (name, (None, json.dumps([FACE])))
    for parts in ([image, text, text], [image, (name, ("regions.json", json.dumps([FACE])))]):
        assert fields(assert_problem(post(service, MASK, files=parts), 422)) == {name}
    assert fields(assert_problem(post(service, DETECT, files=[image, text]), 422)) == {name}
    assert fields(assert_problem(post(service, MASK, files=[image], params={name: "[]"}), 422)) == {name}


def test_most_regions_are_taken(service: Stack) -> None:
    many = [{"x1": place * 2, "y1": 0, "x2": place * 2 + 2, "y2": 2} for place in range(200)]
    pixels, headers = answered(service, {"mask_regions": many, "keep_regions": "[]"}, method="solid")
    assert not pixels[:2, :400].any() and headers[COUNT] == "1"
