"""Reviews: doubtful faces are listed, accepted, or masked again as a person says."""

import shutil
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
import requests

from core.records.rows import StoredJob
from tests.contract import pictures
from tests.contract.admin import basic, body, call, cookie, is_moment, kept
from tests.contract.calls import WEB_ALONE, Starter, assert_problem, fields, masked
from tests.contract.test_admin_records import IMAGE, JOB
from tests.stack import Stack

DETAIL = JOB | {"image", "detections", "report", "review_state", "edited_by", "uncovered_faces"}
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
CORNER = {"x1": 400.0, "y1": 10.0, "x2": 460.0, "y2": 90.0}


def face(index: int, left: float, top: float, right: float, bottom: float, **more: Any) -> dict[str, Any]:
    """A detection as it is saved."""
    return {
        "index": index,
        "bbox": {"x1": left, "y1": top, "x2": right, "y2": bottom},
        "confidence": 0.9 - index / 10,
        "landmarks": None,
        "size": {"width": right - left, "height": bottom - top},
        "area": (right - left) * (bottom - top),
        "center": {"x": (left + right) / 2, "y": (top + bottom) / 2},
        "relative": {"x_center": 0.5, "y_center": 0.5, "width": 0.1, "height": 0.1},
        **more,
    }


PERSON = face(0, *pictures.ASTRONAUT_FACE)
DOUBTFUL = face(1, 20.0, 300.0, 80.0, 380.0, review=True)


def pending(service: Stack, **values: Any) -> StoredJob:
    return kept(service, detections=[PERSON, DOUBTFUL], face_count=2, review_state="pending", **values)


def edit(service: Stack, job: StoredJob, **sent: Any) -> requests.Response:
    return basic(service, "POST", f"/images/{job.image_id}/mask", json=sent)


def edited(service: Stack, job: StoredJob, **sent: Any) -> dict[str, Any]:
    found = body(edit(service, job, **sent), 201)
    assert set(found) == DETAIL
    return found


def shown(found: dict[str, Any]) -> pictures.Pixels:
    """The pixels of a job's result."""
    return pictures.pixels(requests.get(found["processed_url"], timeout=30).content)


def black(pixels: pictures.Pixels, box: dict[str, float]) -> bool:
    inside = pixels[int(box["y1"]) + 3 : int(box["y2"]) - 3, int(box["x1"]) + 3 : int(box["x2"]) - 3]
    return bool((inside < 30).all())


def looks_like_original(pixels: pictures.Pixels, box: dict[str, float]) -> bool:
    area = np.s_[int(box["y1"]) : int(box["y2"]), int(box["x1"]) : int(box["x2"])]
    return bool(np.abs(pixels[area].astype(int) - pictures.pixels(pictures.portrait())[area]).mean() < 3)


# --- the list ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def waiting(start_service: Starter) -> Stack:
    """A stack with five jobs that wait for a person, an hour apart, the first the newest, and some that don't."""
    service = start_service(programs=WEB_ALONE)
    for number in range(5):
        pending(service, created_at=NOON - timedelta(hours=number))
        kept(service, created_at=NOON - timedelta(hours=number))
        kept(service, review_state="done", created_at=NOON)
    return service


def test_review_is_listed_field_by_field(waiting: Stack) -> None:
    found = body(basic(waiting, "GET", "/reviews"))
    assert {name: found[name] for name in ("total", "page", "per_page", "pages")} == {
        "total": 5,
        "page": 1,
        "per_page": 20,
        "pages": 1,
    }
    first = found["items"][0]
    assert set(first) == DETAIL
    assert set(first["image"]) == IMAGE
    assert first["image"]["id"] == first["image_id"] and first["image"]["job_count"] == 1
    assert first["detections"] == [PERSON, DOUBTFUL]
    assert first["review_state"] == "pending"
    assert requests.get(first["processed_url"], timeout=30).status_code == 200


def test_reviews_are_newest_first_page_by_page(waiting: Stack) -> None:
    pages = [body(basic(waiting, "GET", "/reviews", params={"page": page, "per_page": 2})) for page in (1, 2, 3, 4)]
    moments = [item["created_at"] for page in pages for item in page["items"]]
    assert moments == sorted(moments, reverse=True) and len(moments) == 5
    assert [len(page["items"]) for page in pages] == [2, 2, 1, 0]
    assert {(page["total"], page["pages"]) for page in pages} == {(5, 3)}


def test_page_far_past_the_end_is_empty(waiting: Stack) -> None:
    assert body(basic(waiting, "GET", "/reviews", params={"page": 10**30}))["items"] == []


# --- accepting -----------------------------------------------------------------------------------


def test_accepted_job_waits_no_longer(service: Stack) -> None:
    job = pending(service)
    found = body(basic(service, "POST", f"/jobs/{job.id}/review", json={"verdict": "accepted"}))
    assert set(found) == DETAIL
    assert (found["id"], found["review_state"]) == (str(job.id), "done")
    reported = found["report"]["review"]
    assert (reported["verdict"], reported["by"]) == ("accepted", "admin") and is_moment(reported["at"])
    assert found["detections"] == [PERSON, DOUBTFUL]
    waiting = body(basic(service, "GET", "/reviews", params={"per_page": 100}))["items"]
    assert str(job.id) not in {item["id"] for item in waiting}


@pytest.mark.parametrize("sent", [{}, {"verdict": "fine"}, {"verdict": "accepted", "note": "x"}, {"verdict": True}])
def test_odd_verdict_is_422(service: Stack, sent: dict[str, Any]) -> None:
    job = pending(service)
    assert_problem(basic(service, "POST", f"/jobs/{job.id}/review", json=sent), 422)
    assert body(basic(service, "GET", f"/jobs/{job.id}"))["review_state"] == "pending"


# --- masking by hand -----------------------------------------------------------------------------


def test_edit_masks_what_was_said(service: Stack) -> None:
    job = pending(service)
    found = edited(service, job, job_id=str(job.id), remove=[1], add=[CORNER], options={"method": "solid"})
    pixels = shown(found)
    assert black(pixels, PERSON["bbox"]) and black(pixels, CORNER)
    assert looks_like_original(pixels, DOUBTFUL["bbox"])


def test_edit_makes_a_new_job(service: Stack) -> None:
    job = pending(service)
    found = edited(service, job, remove=[1], add=[CORNER], options={"method": "pixelate", "format": "png"})
    assert found["id"] != str(job.id)
    assert found["image_id"] == str(job.image_id) and found["image"]["job_count"] == 2
    reported = {name: found[name] for name in ("job_type", "status", "method", "strength", "padding", "output_format")}
    assert reported == {
        "job_type": "mask",
        "status": "completed",
        "method": "pixelate",
        "strength": 199,
        "padding": 0.15,
        "output_format": "png",
    }
    assert (found["face_count"], found["inference_ms"], found["error"], found["review_state"]) == (2, None, None, None)
    assert found["total_ms"] > 0 and is_moment(found["finished_at"])
    file = requests.get(found["processed_url"], timeout=30)
    assert (file.headers["Content-Type"], len(file.content)) == ("image/png", found["processed_size_bytes"])
    assert file.content.startswith(b"\x89PNG")
    assert found["image"]["processed_url"].partition("?")[0] == found["processed_url"].partition("?")[0]


def test_edit_tells_its_detections(service: Stack) -> None:
    job = pending(service)
    found = edited(service, job, remove=[0], add=[CORNER])
    assert found["detections"][0] == {name: DOUBTFUL[name] for name in DOUBTFUL if name != "review"} | {"index": 0}
    assert found["detections"][1] == {
        "index": 1,
        "bbox": CORNER,
        "confidence": 1.0,
        "landmarks": None,
        "size": {"width": 60.0, "height": 80.0},
        "area": 4800.0,
        "center": {"x": 430.0, "y": 50.0},
        "relative": {"x_center": 0.8398, "y_center": 0.0977, "width": 0.1172, "height": 0.1562},
        "added": True,
    }


def test_edit_is_recorded(service: Stack) -> None:
    job = pending(service)
    found = edited(service, job, keep=[0], remove=[1], add=[CORNER])
    reported = {
        name: found["report"][name] for name in ("edited_from", "kept", "removed", "added", "by", "review_faces")
    }
    assert reported == {
        "edited_from": str(job.id),
        "kept": [0],
        "removed": [1],
        "added": [[400.0, 10.0, 460.0, 90.0]],
        "by": "admin",
        "review_faces": 0,
    }
    assert is_moment(found["report"]["at"])
    before = body(basic(service, "GET", f"/jobs/{job.id}"))
    assert before["review_state"] == "done"
    review = before["report"]["review"]
    assert (review["verdict"], review["by"], review["job_id"]) == ("edited", "admin", found["id"])
    assert before["detections"] == [PERSON, DOUBTFUL]


def test_edit_keeps_the_looks_of_before(service: Stack) -> None:
    job = pending(service, blur_method="solid", blur_strength=7, padding=0.0, output_quality=80)
    found = edited(service, job, options={"padding": 0.5})
    assert (found["method"], found["strength"], found["padding"], found["output_quality"]) == ("solid", 7, 0.5, 80)


def test_edit_of_a_detection_masks(service: Stack) -> None:
    job = pending(service, job_type="detect")
    found = edited(service, job, options={"method": "solid"})
    assert (found["job_type"], found["face_count"]) == ("mask", 2)
    assert black(shown(found), PERSON["bbox"]) and black(shown(found), DOUBTFUL["bbox"])


def test_edit_goes_on_from_the_newest_job(service: Stack) -> None:
    job = pending(service)
    first = edited(service, job, remove=[1])
    second = edited(service, job, add=[CORNER])
    assert second["report"]["edited_from"] == first["id"]
    assert [found["bbox"] for found in second["detections"]] == [PERSON["bbox"], CORNER]
    assert second["image"]["job_count"] == 3


def test_edit_without_any_detections_adds(service: Stack) -> None:
    job = kept(service)
    found = edited(service, job, add=[CORNER], options={"method": "solid"})
    assert found["report"]["edited_from"] is None
    assert found["face_count"] == 1 and black(shown(found), CORNER)


def test_edit_masks_overlapping_boxes_each(service: Stack) -> None:
    """What a detector would take for one face found twice is what the person drew."""
    job = kept(service, detections=[])
    near = {"x1": 404.0, "y1": 12.0, "x2": 466.0, "y2": 96.0}
    found = edited(service, job, add=[CORNER, near], options={"method": "solid", "padding": 0})
    assert found["face_count"] == 2
    assert black(shown(found), CORNER) and black(shown(found), near)


def test_edit_reads_the_original_upright(service: Stack) -> None:
    """Masked through the API, so that the record is the service's own."""
    answer = masked(service, pictures.turned(pictures.astronaut(), 6), method="solid")
    found = body(
        basic(service, "POST", f"/images/{answer.headers['X-Image-Id']}/mask", json={"add": [CORNER]}),
        201,
    )
    pixels = shown(found)
    left, top, right, bottom = pictures.ASTRONAUT_FACE
    assert black(pixels, CORNER) and black(pixels, {"x1": left, "y1": top, "x2": right, "y2": bottom})
    assert found["report"]["edited_from"] == answer.headers["X-Job-Id"]


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_edit_covers_what_alpha_hides_in_part(service: Stack, kind: str) -> None:
    picture = pictures.astronaut().copy()
    picture.putalpha(128)
    answer = masked(service, pictures.encoded(picture, kind), format="png", method="solid")
    sent = {"add": [CORNER], "options": {"padding": 0}}
    found = body(basic(service, "POST", f"/images/{answer.headers['X-Image-Id']}/mask", json=sent), 201)
    rgba = pictures.pixels(requests.get(found["processed_url"], timeout=30).content, "RGBA")
    inside = rgba[14:86, 404:456]
    assert (inside == (0, 0, 0, 255)).all()
    assert found["face_count"] == int(answer.headers["X-Face-Count"]) + 1


def test_box_that_reaches_out_is_clipped(service: Stack) -> None:
    job = kept(service, detections=[])
    found = edited(service, job, add=[{"x1": -50, "y1": 500.5, "x2": 60, "y2": 900}], options={"method": "solid"})
    assert found["detections"][0]["bbox"] == {"x1": 0.0, "y1": 500.5, "x2": 60.0, "y2": 512.0}


@pytest.mark.parametrize(
    ("sent", "named"),
    [
        ({"remove": [2]}, "remove.0"),
        ({"keep": [0, 7]}, "keep.1"),
        ({"keep": [1], "remove": [1]}, "remove"),
        ({"remove": [-1]}, "remove.0"),
        ({"remove": ["0"]}, "remove.0"),
        ({"add": [CORNER, {"x1": 600, "y1": 0, "x2": 700, "y2": 90}]}, "add.1"),
        ({"add": [{"x1": 60, "y1": 0, "x2": 20, "y2": 90}]}, "add.0"),
        ({"add": [{"x1": 60, "y1": 0, "x2": 60.5, "y2": 90}]}, "add.0"),
        ({"add": [{"x1": 60, "y1": 0, "x2": 70}]}, "add.0.y2"),
        ({"add": [{**CORNER, "x3": 1}]}, "add.0.x3"),
        ({"add": [CORNER] * 1001}, "add"),
        ({"options": {"method": "wipe"}}, "options.method"),
        ({"options": {"strenght": 9}}, "options.strenght"),
        ({"options": {"max_faces": 1}}, "options.max_faces"),
        ({"options": {"confidence": 0.3}}, "options.confidence"),
        ({"job_id": "7"}, "job_id"),
        ({"boxes": []}, "boxes"),
    ],
    ids=str,
)
def test_odd_edit_is_422(service: Stack, sent: dict[str, Any], named: str) -> None:
    job = pending(service)
    assert named in fields(assert_problem(edit(service, job, **sent), 422))
    assert body(basic(service, "GET", f"/jobs/{job.id}"))["review_state"] == "pending"
    assert len(stored(service, job)) == 2


def test_misspelt_edge_of_a_box_gets_advice(service: Stack) -> None:
    errors = assert_problem(edit(service, pending(service), add=[{**CORNER, "X2": 1}]), 422)["errors"]
    told = {error["field"]: error["message"] for error in errors}
    assert told["add.0.X2"] == "There is no such parameter or field here; did you mean x2?"


def test_boundless_box_is_400_or_422(service: Stack) -> None:
    job = pending(service)
    for number in ("NaN", "Infinity", "1e999"):
        sent = f'{{"add": [{{"x1": 0, "y1": 0, "x2": {number}, "y2": 9}}]}}'
        headers = {"Content-Type": "application/json"}
        response = basic(service, "POST", f"/images/{job.image_id}/mask", data=sent, headers=headers)
        assert_problem(response, (400, 422))


def test_job_of_another_image_is_404(service: Stack) -> None:
    job, other = pending(service), pending(service)
    assert_problem(edit(service, job, job_id=str(other.id)), 404)
    assert_problem(edit(service, job, job_id=str(uuid.uuid4())), 404)


def test_edit_by_cookie_asks_for_the_same_origin(service: Stack) -> None:
    job, session = pending(service), cookie(service)
    path = f"/images/{job.image_id}/mask"
    foreign = {"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"}
    assert_problem(call(service, "POST", path, json={}, cookies=session, headers=foreign), 403)
    assert call(service, "POST", path, json={}, cookies=session).status_code == 201


# --- where something fails -----------------------------------------------------------------------


def stored(service: Stack, job: StoredJob) -> list[str]:
    """Keys of this image's objects in the store."""
    assert service.services.store is not None
    return [found.key for found in service.services.store.list() if str(job.image_id) in found.key]


def jobs(service: Stack, job: StoredJob) -> int:
    return len(body(basic(service, "GET", f"/images/{job.image_id}"))["jobs"])


def test_missing_original_is_404(service: Stack) -> None:
    job = pending(service)
    assert service.services.store is not None
    (original,) = (key for key in stored(service, job) if key.startswith("originals/"))
    service.services.store.delete(original)
    assert_problem(edit(service, job), 404)
    assert jobs(service, job) == 1 and len(stored(service, job)) == 1


@pytest.mark.usefixtures("embedded_tiers")
def test_store_that_refuses_is_503_and_keeps_nothing(service: Stack) -> None:
    job = pending(service)
    folder = service.folder / "objects" / "processed" / str(job.image_id)
    shutil.rmtree(folder)
    folder.symlink_to(folder)  # whatever is written there goes in a circle
    assert_problem(edit(service, job), 503)
    folder.unlink()
    assert jobs(service, job) == 1 and len(stored(service, job)) == 1
    assert body(basic(service, "GET", f"/jobs/{job.id}"))["review_state"] == "pending"


def test_edit_is_503_without_worker(without_worker: Stack) -> None:
    job = pending(without_worker)
    assert_problem(edit(without_worker, job), (503, 504))
    assert jobs(without_worker, job) == 1 and len(stored(without_worker, job)) == 2


def test_edit_of_an_outdated_result_makes_nothing(service: Stack) -> None:
    job = pending(service)
    seen = {"newest_job_id": str(job.id)}
    first = edited(service, job, add=[CORNER], **seen)
    outdated = edit(service, job, add=[CORNER | {"x2": 470.0}], **seen)
    assert assert_problem(outdated, 409)["code"] == "newer_result"
    assert body(basic(service, "GET", f"/images/{job.image_id}"))["job_count"] == 2
    second = edited(service, job, add=[CORNER], job_id=first["id"], newest_job_id=first["id"])
    assert edited(service, job)["report"]["replaced"] == second["id"]  # who names none replaces whatever there is


def test_first_masks_do_not_replace_each_other_unseen(service: Stack) -> None:
    """`null` says that there was no result; a detection has none."""
    job = kept(service, job_type="detect", detections=[PERSON])
    first = edited(service, job, add=[CORNER], newest_job_id=None)
    assert assert_problem(edit(service, job, newest_job_id=None), 409)["code"] == "newer_result"
    assert edited(service, job)["report"]["replaced"] == first["id"]
