"""Videos that are uploaded in pieces, by clients that break off and go on."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import requests

from core import maintenance
from core.access import keys
from core.access.properties import KeyProperties
from core.batches.videos import lifecycle, objects, steps, uploads
from core.batches.videos.steps import StepResult
from core.errors import NotFound, UploadConflict
from tests.contract import pictures
from tests.contract.admin import account
from tests.contract.calls import WEB_ALONE, Starter, assert_problem, fields
from tests.raw_clients import connect, head
from tests.stack import Stack

VIDEOS = "/api/v1/videos"
ADMIN = ("admin", "correct horse")
PIECE = uploads.MIN_PIECE_BYTES
MAX_BYTES = 3 * PIECE
MP4 = b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41" + bytes(100)
FILE = (MP4 + bytes(range(251)) * (2 * PIECE // 251 + 6))[: 2 * PIECE + 1000]  # whose pieces differ


@pytest.fixture(scope="module")
def web(start_service: Starter) -> Stack:
    """A stack without a worker."""
    return start_service(FACE_API_MAX_VIDEO_BYTES=str(MAX_BYTES), programs=WEB_ALONE)


def call(service: Stack, method: str, path: str = "", key: str | None = None, **options: Any) -> requests.Response:
    own: dict[str, Any] = {"headers": options.pop("headers", {})}
    if key:
        own["headers"] |= {"X-API-Key": key}
    else:
        own["auth"] = options.pop("auth", ADMIN)
    return requests.request(method, service.url + VIDEOS + path, timeout=60, **own, **options)


def begun(service: Stack, size: int = len(FILE), name: str = "street.mp4", key: str | None = None) -> str:
    response = call(service, "POST", "/uploads", key, json={"filename": name, "size_bytes": size})
    assert response.status_code == 201, response.text
    return str(response.json()["id"])


def add(service: Stack, upload: str, start: int, data: bytes, key: str | None = None) -> requests.Response:
    headers = {"Upload-Offset": str(start), "Content-Type": "application/offset+octet-stream"}
    return call(service, "PATCH", f"/uploads/{upload}", key, data=data, headers=headers)


def kept(service: Stack, upload: str) -> list[str]:
    """The keys of what there is of an upload, without what its sender has said of it."""
    assert service.services.store is not None
    found = service.services.store.list(objects.UPLOADS)
    return [one.key for one in found if upload in one.key and not one.key.endswith(objects.UPLOAD_ABOUT)]


def made(service: Stack, video: str) -> bytes:
    """Make the file of a video that waits, as a worker does, and return it."""
    store, sessions = service.services.store, service.services.sessions
    assert store is not None and sessions is not None
    with sessions() as session:
        lease = steps.take(session, "a task", 60)
        assert lease is not None and str(lease.video_id) == video
        uploads.assemble(store, lease.source_key, lease.pieces, lease.size_bytes)
        assert steps.complete(session, lease, StepResult(keys=[lease.source_key]))
    return store.get(lease.source_key)


@pytest.fixture(autouse=True)
def none_before(web: Stack) -> None:
    assert web.services.store is not None and web.services.sessions is not None
    for found in list(web.services.store.list(objects.UPLOADS)):
        web.services.store.delete(found.key)
    with web.services.sessions() as session:
        for video in lifecycle.page(session, 1, 100).items:
            lifecycle.cancel(session, video.id)


def key_of(service: Stack) -> str:
    assert service.services.sessions is not None
    with service.services.sessions() as session:
        return keys.create(session, "camera", KeyProperties.model_validate({"scopes": ("video",)}))[1]


def test_video_is_made_of_its_pieces(web: Stack) -> None:
    upload = begun(web, name="Straße 7.mp4")
    for start in (0, PIECE, 2 * PIECE):
        shown = call(web, "GET", f"/uploads/{upload}")
        assert shown.json() == {"id": upload, "filename": "Straße 7.mp4", "size_bytes": len(FILE), "offset": start}
        assert (shown.headers["Upload-Offset"], shown.headers["Upload-Length"]) == (str(start), str(len(FILE)))
        added = add(web, upload, start, FILE[start : start + PIECE])
        assert added.status_code == 204, added.text
        assert added.headers["Upload-Offset"] == str(min(start + PIECE, len(FILE)))
    accepted = call(web, "POST", json={"upload_id": upload}, params={"stride": 2})
    assert accepted.status_code == 202, accepted.text
    video = accepted.json()["id"]
    shown = call(web, "GET", f"/{video}").json()
    assert (shown["filename"], shown["size_bytes"], shown["status"]) == ("Straße 7.mp4", len(FILE), "queued")
    assert shown["options"]["stride"] == 2
    assert_problem(call(web, "GET", f"/uploads/{upload}"), 404)
    again = call(web, "POST", json={"upload_id": upload})
    assert (again.status_code, again.json()["id"]) == (202, video), "who has lost the response asks again"
    maintenance.clean_storage(web.services)
    assert len(kept(web, upload)) == 3, "the call has copied nothing"
    assert made(web, video) == FILE
    maintenance.clean_storage(web.services)
    assert kept(web, upload) == []


def test_calls_that_make_a_video_of_one_upload_at_once_make_one(web: Stack) -> None:
    upload = begun(web)
    for start in (0, PIECE, 2 * PIECE):
        add(web, upload, start, FILE[start : start + PIECE])
    with ThreadPoolExecutor(4) as pool:
        accepted = list(pool.map(lambda _: call(web, "POST", json={"upload_id": upload}), range(4)))
    assert [one.status_code for one in accepted] == [202] * 4, [one.text for one in accepted]
    assert {one.json()["id"] for one in accepted} == {upload}
    assert made(web, upload) == FILE


@pytest.mark.parametrize("size", [PIECE - 1, PIECE + 1])
def test_no_video_is_made_of_a_piece_that_changes_meanwhile(web: Stack, size: int) -> None:
    upload = begun(web, PIECE)
    add(web, upload, 0, FILE[:PIECE])
    store = web.services.store
    assert store is not None
    found = uploads.find(store, "admin", uuid.UUID(upload))
    store.put(found.pieces[0].key, FILE[:size], uploads.PIECE_TYPE)
    with pytest.raises(UploadConflict):
        uploads.assemble(store, objects.source(found.id), [one.key for one in found.pieces], found.size_bytes)
    with pytest.raises(NotFound):
        store.stat(objects.source(found.id))


def test_piece_that_breaks_off_is_sent_again(web: Stack) -> None:
    upload = begun(web)
    assert add(web, upload, 0, FILE[:PIECE]).status_code == 204
    basic = requests.auth._basic_auth_str(*ADMIN)
    refused = web.log("serve").count('"status": 400')
    with connect(web) as client:
        own = {"Upload_Offset": str(PIECE), "Content_Length": str(PIECE), "Authorization": basic}
        client.sendall(head(f"{VIDEOS}/uploads/{upload}", "PATCH", **own) + FILE[PIECE : PIECE + 2**20])
    web.until(lambda: web.log("serve").count('"status": 400') > refused)
    shown = requests.head(f"{web.url}{VIDEOS}/uploads/{upload}", auth=ADMIN, timeout=60)
    assert (shown.status_code, shown.headers["Upload-Offset"]) == (200, str(PIECE))
    assert assert_problem(call(web, "POST", json={"upload_id": upload}), 409)["code"] == "upload_conflict"
    assert add(web, upload, PIECE, FILE[PIECE:]).headers["Upload-Offset"] == str(len(FILE))
    assert call(web, "POST", json={"upload_id": upload}).status_code == 202


def test_piece_belongs_where_the_upload_is(web: Stack) -> None:
    upload = begun(web)
    for start in (1, PIECE):
        problem = assert_problem(add(web, upload, start, FILE[:PIECE]), 409)
        assert (problem["code"], problem["detail"]) == ("upload_conflict", "the upload is at byte 0")
    assert add(web, upload, 0, FILE[:PIECE]).status_code == 204
    assert_problem(add(web, upload, 0, FILE[:PIECE]), 409)
    assert len(kept(web, upload)) == 1


def test_wrong_pieces_are_refused_and_not_kept(web: Stack) -> None:
    upload = begun(web)
    assert assert_problem(add(web, upload, 0, pictures.portrait() + bytes(PIECE)), 415)["code"] == "unsupported_video"
    assert fields(assert_problem(add(web, upload, 0, FILE[: PIECE - 1]), 422)) == {"Content-Length"}
    assert assert_problem(add(web, upload, 0, FILE + b"x"), 413)["code"] == "upload_too_large"
    assert_problem(add(web, upload, 0, b""), 422)
    for offset in ({}, {"Upload-Offset": "x"}, {"Upload-Offset": "-1"}):
        refused = call(web, "PATCH", f"/uploads/{upload}", data=FILE, headers=offset)
        assert fields(assert_problem(refused, 422)) == {"Upload-Offset"}
    chunked = call(web, "PATCH", f"/uploads/{upload}", data=iter([FILE]), headers={"Upload-Offset": "0"})
    assert_problem(chunked, 400)
    assert kept(web, upload) == []


def test_too_large_or_unnamed_upload_is_not_begun(web: Stack) -> None:
    for json, status in [
        ({"filename": "a.mp4", "size_bytes": MAX_BYTES + 1}, 413),
        ({"filename": "a.mp4", "size_bytes": 0}, 422),
        ({"filename": "", "size_bytes": 5}, 422),
        ({"size_bytes": 5}, 422),
    ]:
        assert_problem(call(web, "POST", "/uploads", json=json), status)
    for body in ({}, {"source_key": "a.mp4", "upload_id": str(uuid.uuid4())}, {"upload_id": "x"}):
        assert_problem(call(web, "POST", json=body), 422)
    assert_problem(call(web, "POST", json={"upload_id": str(uuid.uuid4())}), 404)


def test_size_is_a_whole_number_however_it_is_written(web: Stack) -> None:
    begun = call(web, "POST", "/uploads", key_of(web), json={"filename": "a.mp4", "size_bytes": 127.0})
    assert (begun.status_code, begun.json()["size_bytes"]) == (201, 127)


def test_upload_is_its_senders_alone(web: Stack) -> None:
    mine, other = key_of(web), key_of(web)
    upload = begun(web, len(MP4), key=mine)
    for key in (other, None):
        for method in ("GET", "DELETE"):
            assert_problem(call(web, method, f"/uploads/{upload}", key), 404)
        assert_problem(add(web, upload, 0, MP4, key), 404)
        assert_problem(call(web, "POST", key=key, json={"upload_id": upload}), 404)
    assert add(web, upload, 0, MP4, mine).status_code == 204
    assert call(web, "POST", key=mine, json={"upload_id": upload}).status_code == 202
    assert_problem(call(web, "POST", key=other, json={"upload_id": upload}), 404)


def test_administrators_share_no_uploads(web: Stack) -> None:
    people = [(uuid.uuid4().hex, "staple battery") for _ in range(2)]
    for name, password in people:
        account(web, name, password)
    mine, other = people
    created = call(web, "POST", "/uploads", auth=mine, json={"filename": "a.mp4", "size_bytes": len(MP4)})
    path = f"/uploads/{created.json()['id']}"
    for somebody in (other, ADMIN):
        for method in ("GET", "DELETE"):
            assert_problem(call(web, method, path, auth=somebody), 404)
    assert call(web, "GET", path, auth=mine).status_code == 200
    assert call(web, "DELETE", path, auth=mine).status_code == 204


def test_sender_has_only_so_many_unfinished(web: Stack) -> None:
    found = [begun(web) for _ in range(uploads.MOST_UNFINISHED)]
    refused = call(web, "POST", "/uploads", json={"filename": "a.mp4", "size_bytes": 9})
    assert assert_problem(refused, 429)["code"] == "rate_limited" and refused.headers["Retry-After"]
    begun(web, key=key_of(web))
    assert call(web, "DELETE", f"/uploads/{found[0]}").status_code == 204
    assert_problem(call(web, "GET", f"/uploads/{found[0]}"), 404)
    begun(web)


def test_abandoned_upload_is_deleted(web: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = begun(web)
    add(web, upload, 0, FILE[:PIECE])
    assert maintenance.expire_uploads(web.services) == 0
    monkeypatch.setattr(uploads, "KEPT", timedelta(seconds=-10))
    assert maintenance.expire_uploads(web.services) == 2
    maintenance.clean_storage(web.services)
    assert kept(web, upload) == []
    assert_problem(call(web, "GET", f"/uploads/{upload}"), 404)


def test_pieces_of_a_video_that_waits_are_not_abandoned(web: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = begun(web, len(MP4))
    add(web, upload, 0, MP4)
    assert call(web, "POST", json={"upload_id": upload}).status_code == 202
    monkeypatch.setattr(uploads, "KEPT", timedelta(seconds=-10))
    assert maintenance.expire_uploads(web.services) == 0
    maintenance.clean_storage(web.services)
    assert made(web, upload) == MP4


def test_video_that_waits_is_deleted_with_its_pieces(web: Stack) -> None:
    upload = begun(web, len(MP4))
    add(web, upload, 0, MP4)
    assert call(web, "POST", json={"upload_id": upload}).status_code == 202
    assert call(web, "POST", f"/{upload}/cancel").status_code == 200
    assert len(kept(web, upload)) == 1
    assert call(web, "DELETE", f"/{upload}").status_code == 204
    assert kept(web, upload) == []
