"""Verification, faces for review, and weak masks, over HTTP."""

from typing import Any

import cv2
import numpy as np
import pytest

from tests.contract import pictures
from tests.contract.admin import basic, body
from tests.contract.calls import WEB_AND_WORKER, Starter, assert_problem, detect, detected, fields, masked
from tests.contract.mask.regions import METHODS, SOFT, STRENGTH
from tests.stack import Stack

RESIDUAL = "X-Residual-Faces"


def tried(service: Stack, **query: Any) -> dict[str, Any]:
    return body(basic(service, "POST", "/test/mask", files={"image": ("photo", pictures.portrait())}, params=query))


@pytest.fixture(scope="module")
def weak(start_service: Starter) -> Stack:
    return start_service(FACE_API_ALLOW_WEAK_MASKS="true", FACE_API_STORAGE_ENABLED="false", programs=WEB_AND_WORKER)


@pytest.mark.parametrize("method", METHODS)
def test_mask_is_verified_by_default(service: Stack, method: str) -> None:
    assert masked(service, pictures.portrait(), method=method).headers[RESIDUAL] == "0"


@pytest.mark.parametrize("detail", ["balanced", "thorough"])
def test_close_search_is_verified(service: Stack, detail: str) -> None:
    assert masked(service, pictures.portrait(), detail=detail).headers[RESIDUAL] == "0"


@pytest.mark.parametrize(("query", "reported"), [({"detail": "fast"}, False), ({"verify": "false"}, False)], ids=str)
def test_quick_mask_is_not_verified(service: Stack, query: dict[str, str], reported: bool) -> None:
    assert (RESIDUAL in masked(service, pictures.portrait(), **query).headers) is reported


def test_quick_mask_is_verified_when_asked(service: Stack) -> None:
    assert masked(service, pictures.portrait(), detail="fast", verify="true").headers[RESIDUAL] == "0"


def test_picture_without_face_is_verified(service: Stack) -> None:
    response = masked(service, pictures.encoded(pictures.landscape(), "PNG"))
    assert (response.headers["X-Face-Count"], response.headers[RESIDUAL]) == ("0", "0")


@pytest.mark.parametrize("method", METHODS)
def test_masked_picture_shows_no_face(service: Stack, method: str) -> None:
    for picture in (pictures.astronaut(), pictures.group(3, 2)):
        covered = masked(service, pictures.encoded(picture, "PNG"), method=method, strength=1).content
        assert detected(service, covered)["detections"] == []


def test_json_tells_what_was_verified(service: Stack) -> None:
    found = tried(service)["verification"]
    assert set(found) == {"rounds", "regions_masked_again", "residual_faces", "verify_ms"}
    assert (found["rounds"], found["regions_masked_again"], found["residual_faces"]) == (0, 0, 0)
    assert found["verify_ms"] > 0


def test_profiling_tells_time_of_verification(service: Stack) -> None:
    found = tried(service)
    assert found["profiling"]["verify_ms"] == found["verification"]["verify_ms"]


def test_json_without_verification_is_null(service: Stack) -> None:
    found = tried(service, verify="false")
    assert found["verification"] is None and found["profiling"]["verify_ms"] is None


@pytest.mark.parametrize("name", ["verify", "review_confidence"])
def test_detect_knows_no_option_of_masks(service: Stack, name: str) -> None:
    assert fields(assert_problem(detect(service, pictures.portrait(), **{name: "1"}), 422)) == {name}


# --- faces for review ----------------------------------------------------------------------------


def test_less_sure_face_is_masked_for_review(service: Stack) -> None:
    file = pictures.portrait()
    response = masked(service, file, confidence="0.99", detail="thorough", method="solid", format="png")
    assert int(response.headers["X-Face-Count"]) >= 1
    assert (pictures.pixels(response.content).max(axis=2) == 0).sum() > 8000


def test_less_sure_face_is_marked(service: Stack) -> None:
    faces = tried(service, confidence="0.99", detail="thorough")["detections"]
    assert faces and all(face["review"] is True for face in faces)


def test_sure_face_has_no_mark(service: Stack) -> None:
    faces = tried(service, detail="thorough")["detections"]
    assert faces and all(("review" in face) == (face["confidence"] < 0.5) for face in faces)
    assert "review" not in faces[0]


@pytest.mark.parametrize("query", [{"doubtful": "leave"}, {"detail": "thorough", "review_confidence": "0.99"}], ids=str)
def test_less_sure_face_is_left_otherwise(service: Stack, query: dict[str, str]) -> None:
    response = masked(service, pictures.portrait(), confidence="0.99", verify="false", **query)
    assert response.headers["X-Face-Count"] == "0"


# --- weak masks ----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", SOFT)
def test_weak_strength_is_kept(weak: Stack, method: str) -> None:
    response = masked(weak, pictures.portrait("PNG"), method=method, strength=21, format="png")
    assert response.headers[STRENGTH] == "21" and RESIDUAL not in response.headers


@pytest.mark.parametrize("method", SOFT)
def test_auto_is_strong_where_weak_masks_are_allowed(weak: Stack, service: Stack, method: str) -> None:
    query = {"method": method, "strength": "auto", "format": "png"}
    answers = [masked(stack, pictures.portrait("PNG"), **query) for stack in (weak, service)]
    assert answers[0].content == answers[1].content
    assert [(answer.headers[RESIDUAL], answer.headers[STRENGTH]) for answer in answers] == [
        ("0", answers[1].headers[STRENGTH])
    ] * 2


def test_weak_blur_is_a_plain_gaussian(weak: Stack) -> None:
    before = pictures.pixels(pictures.astronaut())
    query = {"format": "png", "padding": "0.15"}
    black = pictures.pixels(masked(weak, pictures.portrait("PNG"), method="solid", **query).content)
    rows, columns = np.nonzero((black != before).any(axis=2))
    region = slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1)
    blurred = pictures.pixels(masked(weak, pictures.portrait("PNG"), method="gaussian", strength=31, **query).content)
    assert (blurred[region] == cv2.GaussianBlur(before[region], (31, 31), 0)).all()


def test_weak_mask_is_strengthened_when_verified(weak: Stack) -> None:
    response = masked(weak, pictures.portrait(), method="gaussian", strength=3, verify="true")
    assert response.headers[RESIDUAL] == "0" and int(response.headers[STRENGTH]) > 100
