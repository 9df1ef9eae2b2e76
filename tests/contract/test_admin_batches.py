"""Batches as the administrator begins, fills, watches and ends them."""

import hashlib
import uuid
from typing import Any

import pytest
import requests

from tests.contract import pictures
from tests.contract.admin import basic, body, is_moment
from tests.contract.calls import WEB_ALONE, Starter, assert_problem, fields
from tests.stack import Stack

BATCH = {
    "id", "name", "job_type", "options", "status", "counts", "faces", "rate_per_s", "remaining_s", "to_review",
    "webhook_url", "prefix", "created_at", "closed_at", "finished_at",
}  # fmt: skip
ITEM = {
    "id", "name", "state", "attempts", "error", "image_id", "job_id", "face_count", "result_url", "size_bytes",
    "sha256", "result_sha256", "corrected", "uncovered_faces", "created_at", "finished_at",
}  # fmt: skip
BAND = {"unit": "relative", "x1": 0, "y1": 0.9, "x2": 1, "y2": 1}
NOTHING = {
    "queued": 0,
    "running": 0,
    "completed": 0,
    "failed": 0,
    "cancelled": 0,
    "refused": 0,
    "deleted": 0,
    "total": 0,
}
OPTIONS = {
    "confidence": 0.5, "nms_threshold": 0.4, "max_faces": 0, "method": "gaussian", "strength": 199, "padding": 0.15,
    "format": "jpeg", "quality": 95,
}  # fmt: skip


@pytest.fixture(scope="module")
def idle(start_service: Starter) -> Stack:
    """A stack without a worker: what is queued stays so."""
    return start_service(FACE_API_BATCH_QUEUE_LIMIT="40", programs=WEB_ALONE)


def begun(service: Stack, **sent: Any) -> dict[str, Any]:
    return body(basic(service, "POST", "/batches", json={"name": "press", **sent}), 201)


def upload(service: Stack, batch: dict[str, Any], *files: tuple[str, bytes], **options: Any) -> requests.Response:
    sent = [("images", file) for file in files]
    return basic(service, "POST", f"/batches/{batch['id']}/images", files=sent, **options)


def shown(service: Stack, batch: dict[str, Any]) -> dict[str, Any]:
    return body(basic(service, "GET", f"/batches/{batch['id']}"))


def items(service: Stack, batch: dict[str, Any], **query: Any) -> dict[str, Any]:
    return body(basic(service, "GET", f"/batches/{batch['id']}/items", params=query))


def act(service: Stack, batch: dict[str, Any], verb: str) -> dict[str, Any]:
    return body(basic(service, "POST", f"/batches/{batch['id']}/{verb}"))


# --- begun ---------------------------------------------------------------------------------------


def test_new_batch_has_every_field(idle: Stack) -> None:
    made = begun(idle, options={"method": "pixelate", "confidence": 0.4})
    assert made.keys() == BATCH
    assert (made["name"], made["job_type"], made["status"]) == ("press", "mask", "open")
    assert {name: made["options"][name] for name in OPTIONS} == OPTIONS | {"method": "pixelate", "confidence": 0.4}
    assert (made["counts"], made["faces"], made["to_review"]) == (NOTHING, 0, 0)
    assert [
        made[name] for name in ("rate_per_s", "remaining_s", "webhook_url", "prefix", "closed_at", "finished_at")
    ] == [None] * 6
    assert is_moment(made["created_at"])
    assert shown(idle, made) == made


def test_batch_takes_regions_and_words(idle: Stack) -> None:
    options = {
        "mask_regions": [BAND],
        "keep_regions": [{**BAND, "unit": "pixels"}],
        "strength": "auto",
        "cover": "head",
    }
    made = begun(idle, options=options)
    assert {name: made["options"][name] for name in options} == options
    assert shown(idle, made) == made


def test_detect_batch_takes_options_of_detect(idle: Stack) -> None:
    made = begun(idle, job_type="detect", options={"max_faces": 3})
    assert (made["job_type"], made["options"]["max_faces"]) == ("detect", 3)
    assert "method" not in made["options"]


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"options": {"methd": "solid"}}, "options.methd"),
        ({"options": {"confidence": 7}}, "options.confidence"),
        ({"options": {"confidence": "0.5"}}, "options.confidence"),
        ({"options": {"strength": "9"}}, "options.strength"),
        ({"options": {"mask_regions": [BAND, {**BAND, "y2": 0}]}}, "options.mask_regions[1].y2"),
        ({"options": {"keep_regions": [{**BAND, "x1": "0"}]}}, "options.keep_regions[0].x1"),
        ({"options": {"keep_regions": "[]"}}, "options.keep_regions"),
        ({"job_type": "detect", "options": {"mask_regions": [BAND]}}, "options.mask_regions"),
        ({"job_type": "detect", "options": {"method": "solid"}}, "options.method"),
        ({"job_type": "blur"}, "job_type"),
        ({"webhook_url": "ftp://example.org/"}, "webhook_url"),
        ({"prefix": ""}, "prefix"),
        ({"prefix": "orig"}, "prefix"),
        ({"prefix": "processed/x"}, "prefix"),
        ({"prefix": "../elsewhere/"}, "prefix"),
        ({"prefix": "a//"}, "prefix"),
        ({"prefix": "a\0"}, "prefix"),
        ({"prefix": "\U0001f600" * 300}, "prefix"),  # longer in bytes than any key
        ({"name": " "}, "name"),
        ({"workers": 4}, "workers"),
    ],
)
def test_wrong_member_is_422(idle: Stack, sent: dict[str, Any], field: str) -> None:
    problem = assert_problem(basic(idle, "POST", "/batches", json={"name": "press", **sent}), 422)
    assert fields(problem) == {field}


@pytest.mark.parametrize(
    ("options", "field", "advice"),
    [
        ({"methd": "solid"}, "options.methd", "; did you mean method?"),
        ({"Confidence": 0.5}, "options.Confidence", "; did you mean confidence?"),
        ({"mask_regions": [{**BAND, "units": "pixels"}]}, "options.mask_regions[0].units", "; did you mean unit?"),
        ({"mask_regions[0]": 1}, "options.mask_regions[0]", ""),
        ({"a..b": 1, "[]": 1}, "options.[]", ""),
        ({"prefix": "press/"}, "options.prefix", ""),
    ],
)
def test_unknown_name_of_options_gets_advice(idle: Stack, options: dict[str, Any], field: str, advice: str) -> None:
    sent = basic(idle, "POST", "/batches", json={"name": "press", "options": options})
    told = {error["field"]: error["message"] for error in assert_problem(sent, 422)["errors"]}
    assert told[field] == f"There is no such parameter or field here{advice}"


def test_option_of_masks_is_not_recommended_for_detect(idle: Stack) -> None:
    sent = {"name": "press", "job_type": "detect", "options": {"methd": "solid"}}
    (error,) = assert_problem(basic(idle, "POST", "/batches", json=sent), 422)["errors"]
    assert error["message"] == "There is no such parameter or field here"


def test_same_idempotency_key_begins_one_batch(idle: Stack) -> None:
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    first, second = (
        body(basic(idle, "POST", "/batches", json={"name": "press"}, headers=headers), 201) for _ in range(2)
    )
    assert first == second
    other = basic(idle, "POST", "/batches", json={"name": "another"}, headers=headers)
    assert fields(assert_problem(other, 422)) == {"Idempotency-Key"}


def test_batches_are_listed_newest_first(idle: Stack) -> None:
    made = [begun(idle) for _ in range(3)]
    found = body(basic(idle, "GET", "/batches", params={"per_page": 3}))
    assert found["items"] == made[::-1]
    assert found["total"] >= 3
    act(idle, made[0], "cancel")
    of_status = body(basic(idle, "GET", "/batches", params={"status": "cancelled", "per_page": 1}))
    assert of_status["items"][0]["id"] == made[0]["id"]


# --- filled --------------------------------------------------------------------------------------


def test_upload_makes_items(idle: Stack) -> None:
    batch, picture = begun(idle), pictures.portrait()
    receipt = body(upload(idle, batch, ("2026/spring/team.jpg", picture), ("b.jpg", picture)), 202)
    assert receipt["refused"] == []
    assert [(one["name"], one["state"], one["duplicate"]) for one in receipt["accepted"]] == [
        ("2026/spring/team.jpg", "queued", False),
        ("b.jpg", "queued", False),
    ]
    found = items(idle, batch)
    assert (found["total"], [item["id"] for item in found["items"]]) == (2, [one["id"] for one in receipt["accepted"]])
    item = found["items"][0]
    assert item.keys() == ITEM
    assert (item["name"], item["state"], item["attempts"]) == ("2026/spring/team.jpg", "queued", 0)
    assert (item["size_bytes"], item["sha256"]) == (len(picture), hashlib.sha256(picture).hexdigest())
    assert [item[name] for name in ("error", "face_count", "result_url", "result_sha256", "finished_at")] == [None] * 5
    assert is_moment(item["created_at"])
    assert shown(idle, batch)["counts"] == NOTHING | {"queued": 2, "total": 2}
    job = body(basic(idle, "GET", f"/jobs/{item['job_id']}"))
    assert (job["status"], job["batch_id"], job["image_id"]) == ("queued", batch["id"], item["image_id"])
    assert (job["method"], job["image"]["filename"]) == ("gaussian", "team.jpg")
    assert requests.get(job["image"]["original_url"], timeout=30).content == picture


def test_repeated_upload_makes_no_second_item(idle: Stack) -> None:
    batch, picture = begun(idle), pictures.portrait()
    first, second = (body(upload(idle, batch, ("a.jpg", picture)), 202) for _ in range(2))
    assert [one["duplicate"] for one in first["accepted"] + second["accepted"]] == [False, True]
    assert first["accepted"][0]["id"] == second["accepted"][0]["id"]
    assert shown(idle, batch)["counts"]["total"] == 1


def test_same_name_in_one_call_is_one_picture(idle: Stack) -> None:
    batch, picture = begun(idle), pictures.portrait()
    receipt = body(upload(idle, batch, ("a.jpg", picture), ("a.jpg", picture), ("a.jpg", picture + b"\0")), 202)
    assert [one["duplicate"] for one in receipt["accepted"]] == [False, True]
    assert [one["code"] for one in receipt["refused"]] == ["name_taken"]
    assert shown(idle, batch)["counts"] == NOTHING | {"queued": 1, "refused": 1, "total": 2}


def test_other_bytes_under_a_name_are_refused(idle: Stack) -> None:
    batch, picture = begun(idle), pictures.portrait()
    body(upload(idle, batch, ("a.jpg", picture)), 202)
    receipt = body(upload(idle, batch, ("a.jpg", picture + b"\0")), 202)
    assert (receipt["accepted"], [one["code"] for one in receipt["refused"]]) == ([], ["name_taken"])


def test_bad_file_is_refused_beside_good_ones(idle: Stack) -> None:
    batch, picture = begun(idle), pictures.portrait()
    files = [("notes.txt", b"no picture"), ("empty.jpg", b""), ("cut.png", b"\x89PNG\r\n\x1a\n"), ("a.jpg", picture)]
    receipt = body(upload(idle, batch, *files), 202)
    assert [one["name"] for one in receipt["accepted"]] == ["a.jpg"]
    codes = {one["name"]: one["code"] for one in receipt["refused"]}
    assert codes == {"notes.txt": "unsupported_image", "empty.jpg": "no_image", "cut.png": "undecodable_image"}


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../a.jpg", "a//b.jpg", "a/./b.jpg", "a\\\\b.jpg", "x" * 501, "a\x07.jpg"]
)
def test_name_that_leads_elsewhere_is_refused(idle: Stack, name: str) -> None:
    receipt = body(upload(idle, begun(idle), (name, pictures.portrait())), 202)
    assert (receipt["accepted"], [one["code"] for one in receipt["refused"]]) == ([], ["invalid_name"])


def test_names_of_every_script_stay(idle: Stack) -> None:
    batch, name = begun(idle), "Grüße/日本 語/👩‍👧 3.00.00\u202fPM.jpg"
    body(upload(idle, batch, (name, pictures.portrait())), 202)
    assert [item["name"] for item in items(idle, batch)["items"]] == [name]


def test_names_in_any_bytes_and_none_are_taken(idle: Stack) -> None:
    """Old archives name files in the encoding of their country; some programs name none."""
    batch, one, other = begun(idle), pictures.portrait(), pictures.encoded(pictures.landscape(), "PNG")
    head = b'--b\r\nContent-Disposition: form-data; name="images"'
    named = b'%b; filename="\xbb\xe7\xc1\xf8.jpg"\r\n\r\n%b\r\n' % (head, one)
    nameless = b"%b\r\nContent-Type: image/png\r\n\r\n%b\r\n" % (head, other)
    sent = {"data": named + nameless + b"--b--\r\n", "headers": {"Content-Type": "multipart/form-data; boundary=b"}}
    for duplicate in (False, True):
        receipt = body(basic(idle, "POST", f"/batches/{batch['id']}/images", **sent), 202)
        assert not receipt["refused"]
        assert [item["duplicate"] for item in receipt["accepted"]] == [duplicate] * 2
    names = {item["name"] for item in items(idle, batch)["items"]}
    assert names == {"사진.jpg", f"picture-{hashlib.sha256(other).hexdigest()[:16]}"}


def test_upload_without_files_is_422(idle: Stack) -> None:
    path = f"/batches/{begun(idle)['id']}/images"
    assert fields(assert_problem(basic(idle, "POST", path, files={"image": b"x"}), 422)) == {"images", "image"}
    assert fields(assert_problem(basic(idle, "POST", path, data={"images": "x"}), 422)) == {"images"}
    both = basic(idle, "POST", path, files={"images": pictures.portrait()}, data={"images": "x"})
    assert fields(assert_problem(both, 422)) == {"images"}


def test_files_that_can_not_be_sent_stay_as_items(idle: Stack) -> None:
    batch = begun(idle)
    path, file = f"/batches/{batch['id']}/unsent", {"name": 'a "\x00.tif', "size_bytes": 4 * 10**8}
    noted = basic(idle, "POST", path, json={"files": [file | {"code": "upload_too_large"}]})
    assert body(noted)["counts"] == NOTHING | {"refused": 1, "total": 1}
    (item,) = items(idle, batch)["items"]
    assert (item["name"], item["state"], item["error"]["code"]) == ('a "\\x00.tif', "refused", "upload_too_large")
    wrong = basic(idle, "POST", path, json={"files": [file | {"code": "of my own"}]})
    assert fields(assert_problem(wrong, 422)) == {"files.0.code"}
    act(idle, batch, "close")
    late = basic(idle, "POST", path, json={"files": [file | {"name": "b", "code": "upload_too_large"}]})
    assert assert_problem(late, 409)["code"] == "batch_closed"


def test_closed_batch_takes_no_pictures(idle: Stack) -> None:
    batch = begun(idle)
    body(upload(idle, batch, ("a.jpg", pictures.portrait())), 202)
    closed = act(idle, batch, "close")
    assert (closed["status"], closed["finished_at"]) == ("running", None)
    assert is_moment(closed["closed_at"])
    assert act(idle, batch, "close") == closed
    assert assert_problem(upload(idle, batch, ("b.jpg", pictures.portrait())), 409)["code"] == "batch_closed"


def test_empty_batch_is_completed_when_closed(idle: Stack) -> None:
    closed = act(idle, begun(idle), "close")
    assert (closed["status"], closed["counts"]) == ("completed", NOTHING)
    assert is_moment(closed["finished_at"])


# --- listed, cancelled ---------------------------------------------------------------------------


@pytest.mark.parametrize("page", [2, 1000, 10**30])
def test_page_past_the_end_is_empty(idle: Stack, page: int) -> None:
    batch = begun(idle)
    upload(idle, batch, ("a.jpg", pictures.portrait()))
    lists = (
        "/batches?status=cancelled&per_page=100&",
        f"/batches/{batch['id']}/items?",
        f"/batches/{batch['id']}/deliveries?",
    )
    ways = [*lists, f"/batches/{batch['id']}/items?state=queued&"]
    ways.append(f"/batches/{batch['id']}/items?finished_after=2020-01-01&")
    for path in ways:
        assert body(basic(idle, "GET", f"{path}page={page}"))["items"] == []


def test_items_come_in_pages(idle: Stack) -> None:
    batch = begun(idle)
    names = [f"{number}.jpg" for number in range(5)]
    body(upload(idle, batch, *[(name, pictures.portrait()) for name in names]), 202)
    for state in ({}, {"state": "queued"}):
        pages = [items(idle, batch, per_page=2, page=page, **state) for page in (1, 2, 3, 4)]
        assert [[item["name"] for item in page["items"]] for page in pages] == [names[:2], names[2:4], names[4:], []]
        assert {(page["total"], page["pages"]) for page in pages} == {(5, 3)}
    assert items(idle, batch, state="failed") == {"items": [], "total": 0, "page": 1, "per_page": 20, "pages": 0}


def test_cancelled_batch_is_finished(idle: Stack) -> None:
    batch = begun(idle)
    body(upload(idle, batch, ("a.jpg", pictures.portrait()), ("b.jpg", pictures.portrait())), 202)
    cancelled = act(idle, batch, "cancel")
    assert (cancelled["status"], cancelled["counts"]) == ("cancelled", NOTHING | {"cancelled": 2, "total": 2})
    assert is_moment(cancelled["finished_at"])
    (first, _) = items(idle, batch)["items"]
    assert (first["state"], is_moment(first["finished_at"])) == ("cancelled", True)
    job = body(basic(idle, "GET", f"/jobs/{first['job_id']}"))
    assert (job["status"], job["error"]) == ("failed", "cancelled")
    listed = body(basic(idle, "GET", "/jobs", params={"status": "failed", "batch_id": batch["id"]}))
    assert [one["status"] for one in listed["items"]] == ["failed", "failed"]
    for verb in ("retry-failed", "images"):
        sent = {"files": {"images": pictures.portrait()}} if verb == "images" else {}
        assert_problem(basic(idle, "POST", f"/batches/{batch['id']}/{verb}", **sent), 409)
    assert act(idle, batch, "cancel") == cancelled


def test_too_many_waiting_pictures_are_503(idle: Stack) -> None:
    batch = begun(idle)
    files = [(f"{number}.jpg", pictures.portrait()) for number in range(40)]
    body(upload(idle, batch, *files), 202)
    refused = upload(idle, batch, ("one-more.jpg", pictures.portrait()))
    assert assert_problem(refused, 503)["code"] == "queue_full"
    assert int(refused.headers["Retry-After"]) > 0
    act(idle, batch, "cancel")
