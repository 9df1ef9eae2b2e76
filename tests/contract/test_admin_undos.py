"""Uncovering a face is recorded, and a mask by hand is taken back: over HTTP, as a caller sees it."""

import hashlib

import requests

from core.records.rows import StoredJob
from tests.contract.admin import AN_ID, basic, body
from tests.contract.calls import assert_problem
from tests.contract.test_admin_reviews import CORNER, DETAIL, PERSON, edit, edited, pending
from tests.stack import Stack


def undo(service: Stack, job_id: str) -> requests.Response:
    return basic(service, "POST", f"/jobs/{job_id}/undo")


def digest(url: str) -> str:
    return hashlib.sha256(requests.get(url, timeout=30).content).hexdigest()


def test_uncovered_face_is_told_with_who_did_it(service: Stack) -> None:
    found = edited(service, pending(service), remove=[0, 1])
    assert (found["edited_by"], found["uncovered_faces"]) == ("admin", 1)
    assert [one["bbox"] for one in found["report"]["uncovered"]] == [PERSON["bbox"]]


def test_doubtful_face_is_not_counted(service: Stack) -> None:
    found = edited(service, pending(service), remove=[1], add=[CORNER])
    assert (found["edited_by"], found["uncovered_faces"]) == ("admin", 0)


def test_undo_answers_with_the_result_from_before(service: Stack) -> None:
    job: StoredJob = pending(service)
    before = body(basic(service, "GET", f"/jobs/{job.id}"))
    made = edited(service, job, remove=[0], add=[CORNER])
    assert digest(made["processed_url"]) != digest(before["processed_url"])
    found = body(undo(service, made["id"]), 201)
    assert set(found) == DETAIL
    assert digest(found["processed_url"]) == digest(before["processed_url"])
    assert (found["edited_by"], found["detections"]) == (None, before["detections"])
    assert (found["report"]["undone"], found["report"]["undone_by"]) == (made["id"], "admin")
    newest = body(basic(service, "GET", f"/images/{job.image_id}"))
    assert newest["jobs"][0]["id"] == found["id"] and newest["job_count"] == 3


def test_accepted_job_is_reopened(service: Stack) -> None:
    job = pending(service)
    reopened = {"verdict": "reopened"}
    refused = basic(service, "POST", f"/jobs/{job.id}/review", json=reopened)
    assert assert_problem(refused, 409)["code"] == "nothing_to_undo"
    body(basic(service, "POST", f"/jobs/{job.id}/review", json={"verdict": "accepted"}))
    found = body(basic(service, "POST", f"/jobs/{job.id}/review", json=reopened))
    assert (found["review_state"], found["report"]["review"]["verdict"]) == ("pending", "reopened")


def test_what_is_not_the_newest_is_409(service: Stack) -> None:
    job = pending(service)
    first = edited(service, job)
    body(edit(service, job), 201)
    assert assert_problem(undo(service, first["id"]), 409)["code"] == "nothing_to_undo"
    assert assert_problem(undo(service, str(job.id)), 409)["code"] == "nothing_to_undo"
    assert_problem(undo(service, AN_ID), 404)
