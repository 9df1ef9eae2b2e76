"""The audit trail over HTTP: each deed of a day is there once, with who did it, and nothing secret."""

import getpass
import json
import uuid
from collections import Counter
from typing import Any

import pytest
import requests
from click.testing import CliRunner

from admin.main import main
from core import config
from tests.contract import pictures
from tests.contract.admin import AN_ID, COOKIE, basic, body, call, kept, log_in
from tests.contract.batches import begun, finish
from tests.contract.calls import WEB_ALONE, Starter, assert_problem, fields
from tests.stack import Stack
from web.openapi.examples import DETECTION

PASSWORD = "correct horse"


@pytest.fixture(scope="module")
def service(start_service: Starter) -> Stack:
    """A stack whose audit trail is its own."""
    return start_service(FACE_API_WEB_THREADS="16", programs=WEB_ALONE)


def records(service: Stack, **wanted: Any) -> list[dict[str, Any]]:
    """All records, oldest first."""
    response = basic(service, "GET", "/audit.jsonl", params=wanted)
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"].split(";")[0] == "application/jsonl"
    return [json.loads(line) for line in reversed(response.text.splitlines())]


def deeds(service: Stack, after: int) -> list[str]:
    """What was done after the record with this id."""
    return [one["deed"] for one in records(service) if one["id"] > after]


def newest(service: Stack) -> int:
    return max((int(one["id"]) for one in records(service)), default=0)


def test_start_names_the_settings(service: Stack) -> None:
    (start,) = records(service, deed="service.started")
    assert (start["actor_kind"], start["address"], start["target"]) == ("service", None, None)
    assert {"admin_password", "web_threads", "port"} <= set(start["detail"]["settings"])
    assert PASSWORD not in json.dumps(start)


def test_each_deed_of_a_day_is_there_once(service: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    job = kept(service, detections=[DETECTION], review_state="pending")
    image, done = str(job.image_id), newest(service)
    expected: list[tuple[str, str, str | None]] = []

    def did(deed: str, target: str | None = None, by: str = "admin") -> None:
        expected.append((deed, by, target))

    log_in(service, "almost correct")
    did("session.login", by="visitor")
    session = {COOKIE: log_in(service).cookies[COOKIE]}
    did("session.login")
    key = body(call(service, "POST", "/api-keys", json={"name": "a desk", "scopes": ["batch"]}, cookies=session), 201)
    did("key.created", key["id"])
    body(basic(service, "PATCH", f"/api-keys/{key['id']}", json={"name": "a door"}))
    did("key.changed", key["id"])
    new = body(basic(service, "POST", f"/api-keys/{key['id']}/rotate", json={"overlap_s": 60}), 201)
    did("key.rotated", key["id"])
    assert basic(service, "DELETE", f"/api-keys/{key['id']}").status_code == 204
    did("key.deleted", key["id"])
    assert basic(service, "GET", f"/images/{image}/download").status_code == 302
    did("original.downloaded", image)
    link = body(basic(service, "GET", f"/images/{image}"))["original_url"]
    did("original.linked", image)
    assert requests.get(link, timeout=30).status_code == 200
    own_links = not service.own_settings().s3_endpoint  # those of S3 lead there, and the service sees no fetch
    if own_links:
        did("original.fetched", image, by="link")
    body(basic(service, "POST", f"/jobs/{job.id}/review", json={"verdict": "accepted"}))
    did("review.accepted", str(job.id))
    did("original.linked", image)
    batch = _days_batch(service, new["key"], did)
    assert basic(service, "DELETE", f"/images/{image}").status_code == 204
    did("image.deleted", image)
    settings = service.own_settings()
    monkeypatch.setattr(config, "load", lambda: settings)
    assert CliRunner().invoke(main, ["keys", "revoke", new["id"]]).exit_code == 0
    did("key.changed", new["id"], by="cli")
    call(service, "POST", "/auth/logout", cookies=session)
    did("session.logout")

    found = [one for one in records(service) if one["id"] > done]
    assert [(one["deed"], one["actor_kind"], one["target"]) for one in found] == expected
    actors = {"admin": "admin", "key": new["id"], "cli": getpass.getuser(), "visitor": None} | (
        {"link": None} if own_links else {}
    )
    assert {one["actor_kind"]: one["actor"] for one in found} == actors
    assert {one["outcome"] for one in found} == {"ok", "unauthenticated"}
    assert {one["address"] for one in found if one["actor_kind"] != "cli"} == {"127.0.0.1"}
    assert all(uuid.UUID(one["request_id"]) for one in found if one["actor_kind"] != "cli")
    written = json.dumps(found)
    for secret in (PASSWORD, "almost correct", key["key"], new["key"], session[COOKIE], "team.jpg", "a door"):
        assert secret not in written
    assert records(service, target=batch)


def _days_batch(service: Stack, text: str, did: Any) -> str:
    """Do all that is done with a batch, by a key; return its id."""
    headers = {"X-API-Key": text}
    batch = body(call(service, "POST", "/batches", json={"name": "a day"}, headers=headers), 201)
    did("batch.created", batch["id"], by="key")
    path = f"/batches/{batch['id']}"
    files = [("images", (name, pictures.portrait() + name.encode())) for name in ("a.jpg", "b.jpg")]
    body(call(service, "POST", f"{path}/images", files=files, headers=headers), 202)
    for _ in range(2):  # the second changes nothing
        body(call(service, "POST", f"{path}/close", headers=headers))
    did("batch.closed", batch["id"], by="key")
    finish(service, batch, every="failed")
    for _ in range(2):
        body(call(service, "POST", f"{path}/retry-failed", headers=headers))
    did("batch.retried", batch["id"], by="key")
    for _ in range(2):
        body(call(service, "POST", f"{path}/cancel", headers=headers))
    did("batch.cancelled", batch["id"], by="key")
    assert call(service, "DELETE", path, headers=headers).status_code == 204
    did("batch.deleted", batch["id"], by="key")
    return str(batch["id"])


def test_basic_is_one_log_in(service: Stack) -> None:
    for _ in range(3):
        body(basic(service, "GET", "/stats"))
    (login,) = [one for one in records(service, deed="session.login") if one["detail"] == {"method": "basic"}]
    assert (login["actor_kind"], login["actor"], login["address"]) == ("admin", "admin", "127.0.0.1")
    assert login["outcome"] == "ok"
    done = newest(service)
    wrong = call(service, "GET", "/stats", auth=("admin", "almost correct"))
    assert_problem(wrong, 401)
    (failed,) = [one for one in records(service, deed="session.login") if one["id"] > done]
    assert (failed["actor_kind"], failed["outcome"]) == ("visitor", "unauthenticated")


def test_pages_that_show_originals_are_recorded(service: Stack) -> None:
    image, done = str(kept(service, detections=[]).image_id), newest(service)
    session = {COOKIE: log_in(service).cookies[COOKIE]}
    for path in (f"images/{image}", "images", f"images/{uuid.uuid4()}"):
        requests.get(f"{service.url}/console/{path}", cookies=session, timeout=30)
    assert deeds(service, done) == ["session.login"]  # the pictures of these pages are requests of their own
    (newest_job, *_) = body(basic(service, "GET", "/jobs"))["items"]
    requests.get(f"{service.url}/console/jobs/{newest_job['id']}", cookies=session, timeout=30)
    body(basic(service, "GET", "/images", params={"per_page": 1}))
    assert Counter(deeds(service, done)) == {"session.login": 1, "original.linked": 2}


def test_list_of_originals_is_one_record(service: Stack) -> None:
    images, done = [str(kept(service, detections=[]).image_id) for _ in range(3)], newest(service)
    listed = body(basic(service, "GET", "/images", params={"per_page": 3}))["items"]
    assert {one["id"] for one in listed} == set(images)
    (record,) = [one for one in records(service) if one["id"] > done]
    assert (record["deed"], record["target"], record["detail"]["count"]) == ("original.linked", None, 3)
    assert set(record["detail"]["ids"]) == set(images)
    for image in images:
        assert record["id"] in [one["id"] for one in records(service, target=image, deed="original.linked")]


@pytest.mark.parametrize("deed", ["delete", "rotate"])
def test_what_was_refused_is_not_recorded(service: Stack, deed: str) -> None:
    done = newest(service)
    if deed == "delete":
        assert_problem(basic(service, "DELETE", f"/images/{AN_ID}"), 404)
        assert_problem(basic(service, "GET", f"/images/{AN_ID}/download"), 404)
    else:
        assert_problem(basic(service, "POST", f"/api-keys/{AN_ID}/rotate", json={"overlap_s": 1}), 404)
    assert deeds(service, done) == []


def test_list_is_filtered_and_paged(service: Stack) -> None:
    batch = begun(service)
    found = body(basic(service, "GET", "/audit", params={"target": batch["id"]}))
    assert (found["total"], found["items"][0]["deed"]) == (1, "batch.created")
    first = body(basic(service, "GET", "/audit", params={"per_page": 1}))
    second = body(basic(service, "GET", "/audit", params={"per_page": 1, "page": 2}))
    assert first["items"][0]["id"] > second["items"][0]["id"] and first["total"] == first["pages"] > 1
    nobody = body(basic(service, "GET", "/audit", params={"actor": "nobody"}))
    assert nobody["items"] == []
    moment = first["items"][0]["at"]
    assert body(basic(service, "GET", "/audit", params={"after": moment}))["total"] == 1
    assert records(service, deed="batch.created", target=batch["id"], before=moment) == []


@pytest.mark.parametrize(
    ("name", "value"), [("deed", "murder"), ("target", "x"), ("after", "soon"), ("actor_kind", "god"), ("page", "0")]
)
def test_odd_filter_is_422(service: Stack, name: str, value: str) -> None:
    assert fields(assert_problem(basic(service, "GET", "/audit", params={name: value}), 422)) == {name}


def test_no_key_reads_the_trail(service: Stack) -> None:
    key = body(basic(service, "POST", "/api-keys", json={"name": "x", "scopes": ["admin", "read"]}), 201)["key"]
    for path in ("/audit", "/audit.jsonl"):
        assert_problem(call(service, "GET", path, headers={"X-API-Key": key}), 401)
