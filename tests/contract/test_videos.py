"""Videos as callers send and see them; what workers do with them is tested in tests/integration/test_videos.py."""

import uuid
from typing import Any

import pytest
import requests

from core.access import keys
from core.access.properties import KeyProperties
from core.batches.videos import objects
from tests.contract import pictures
from tests.contract.calls import WEB_ALONE, Starter, assert_problem, fields, in_pieces, is_uuid, multipart
from tests.raw_clients import connect, head
from tests.stack import Stack

VIDEOS = "/api/v1/videos"
ADMIN = ("admin", "correct horse")
MAX_BYTES = 3 * 2**20
MP4 = b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41" + bytes(100)


@pytest.fixture(scope="module")
def web(start_service: Starter) -> Stack:
    """A stack without a worker, that takes small videos alone."""
    return start_service(FACE_API_MAX_VIDEO_BYTES=str(MAX_BYTES), programs=WEB_ALONE)


def call(service: Stack, method: str, path: str = "", **options: Any) -> requests.Response:
    return requests.request(
        method, service.url + VIDEOS + path, auth=ADMIN, timeout=60, allow_redirects=False, **options
    )


def send(service: Stack, file: bytes, name: str = "street.mp4", **query: Any) -> requests.Response:
    return call(service, "POST", files={"video": (name, file, "video/mp4")}, params=query)


def sent(service: Stack, file: bytes = MP4, **query: Any) -> dict[str, Any]:
    """Upload a video; return what is known of it then."""
    response = send(service, file, **query)
    assert response.status_code == 202, response.text
    shown = call(service, "GET", f"/{response.json()['id']}")
    assert shown.status_code == 200, shown.text
    video: dict[str, Any] = shown.json()
    return video


def stored(service: Stack) -> set[str]:
    """The keys of all objects of videos."""
    assert service.services.store is not None
    return {found.key for found in service.services.store.list("videos/")}


# --- uploading -------------------------------------------------------------------------------------------------------


def test_upload_is_stored_and_queued(web: Stack) -> None:
    response = send(web, MP4, "Straße 7.mp4", method="pixelate", stride=3, format="webm")
    assert response.status_code == 202
    accepted = response.json()
    assert set(accepted) == {"id", "status_url"} and is_uuid(accepted["id"])
    assert accepted["status_url"] == f"{web.url}{VIDEOS}/{accepted['id']}"
    shown = call(web, "GET", f"/{accepted['id']}").json()
    assert (shown["status"], shown["progress"], shown["frames_done"], shown["error"]) == ("queued", 0, 0, None)
    assert (shown["filename"], shown["size_bytes"], shown["frames_total"]) == ("Straße 7.mp4", len(MP4), None)
    options = shown["options"]
    assert (options["method"], options["stride"], options["format"], options["detail"]) == (
        "pixelate",
        3,
        "webm",
        "balanced",
    )
    assert not {"quality", "mask_regions", "keep_regions", "mask"} & set(options), "there are none of a video"
    assert web.services.store is not None
    assert web.services.store.get(objects.source(uuid.UUID(accepted["id"]))) == MP4


@pytest.mark.parametrize("size", [10_000, 2 * 2**20 + 7, MAX_BYTES])
@pytest.mark.parametrize("chunked", [False, True])
def test_upload_arrives_as_it_was_sent(web: Stack, size: int, chunked: bool) -> None:
    file = MP4 + bytes(index % 251 for index in range(size - len(MP4)))
    body, headers = multipart(file, "video")
    response = call(web, "POST", data=in_pieces(body) if chunked else body, headers=headers)
    assert response.status_code == 202, response.text
    assert web.services.store is not None
    assert web.services.store.get(objects.source(uuid.UUID(response.json()["id"]))) == file


@pytest.mark.parametrize("chunked", [False, True])
def test_too_large_upload_is_413(web: Stack, chunked: bool) -> None:
    before = stored(web)
    body, headers = multipart(MP4 + bytes(MAX_BYTES), "video")
    response = call(web, "POST", data=in_pieces(body) if chunked else body, headers=headers)
    assert assert_problem(response, 413)["code"] == "upload_too_large"
    assert stored(web) == before


@pytest.mark.parametrize("file", [pictures.portrait(), b"RIFF\0\0\0\0AVI LIST", b"%PDF-1.7", b"x" * 5000])
def test_other_file_is_415_at_once(web: Stack, file: bytes) -> None:
    before = stored(web)
    assert assert_problem(send(web, file), 415)["code"] == "unsupported_video"
    assert stored(web) == before


def test_missing_file_is_422(web: Stack) -> None:
    for response in (
        call(web, "POST"),
        call(web, "POST", data={"video": "text"}),
        call(web, "POST", files={"video": ("a.mp4", b"", "video/mp4")}),
        call(web, "POST", data=MP4, headers={"Content-Type": "video/mp4"}),
        call(web, "POST", files={"a": ("", b"")}, data={"video": "text"}),
    ):
        problem = assert_problem(response, (422,))
        assert fields(problem) <= {"video", "a"}


def test_stray_field_is_422_and_keeps_nothing(web: Stack) -> None:
    before = stored(web)
    for extra in ({"image": ("a.mp4", MP4)}, {"video2": (None, "text")}):
        response = call(web, "POST", files={"video": ("a.mp4", MP4), **extra})
        assert assert_problem(response, 422)["code"] == "invalid_option"
        assert call(web, "POST", files={**extra, "video": ("a.mp4", MP4)}).status_code == 422
    assert stored(web) == before


def test_broken_form_is_400_and_keeps_nothing(web: Stack) -> None:
    before = stored(web)
    body, headers = multipart(MP4, "video")
    for broken in (body[:-30], body.replace(b"--frontier", b"--other")):
        assert_problem(call(web, "POST", data=broken, headers=headers), 400)
    assert_problem(call(web, "POST", data=body, headers={"Content-Type": "multipart/form-data"}), 400)
    assert stored(web) == before


def test_client_that_hangs_up_leaves_nothing(web: Stack) -> None:
    before = stored(web)
    videos = call(web, "GET").json()["total"]
    body, headers = multipart(MP4 + bytes(2**20), "video")
    basic = requests.auth._basic_auth_str(*ADMIN)
    refused = web.log("serve").count('"status": 400')
    with connect(web) as client:
        own = {"Content_Type": headers["Content-Type"], "Content_Length": str(len(body)), "Authorization": basic}
        client.sendall(head(VIDEOS, "POST", **own) + body[: 2**19])
    web.until(lambda: web.log("serve").count('"status": 400') > refused)
    assert stored(web) == before
    assert call(web, "GET").json()["total"] == videos


@pytest.mark.parametrize(
    "query",
    [{"crf": 64}, {"stride": 0}, {"format": "avi"}, {"audio": "louder"}, {"quality": 5}, {"max_faces": 1}, {"x": 1}],
)
def test_wrong_option_is_422(web: Stack, query: dict[str, Any]) -> None:
    assert fields(assert_problem(send(web, MP4, **query), 422)) == set(query)


def test_video_of_the_bucket_is_taken(web: Stack) -> None:
    assert web.services.store is not None
    web.services.store.put("camera/7.mp4", MP4, "video/mp4")
    response = call(web, "POST", json={"source_key": "camera/7.mp4"}, params={"stride": 2})
    assert response.status_code == 202, response.text
    shown = call(web, "GET", f"/{response.json()['id']}").json()
    assert (shown["filename"], shown["size_bytes"]) == ("7.mp4", len(MP4))
    call(web, "DELETE", f"/{shown['id']}")
    assert web.services.store.get("camera/7.mp4") == MP4, "it is not ours to delete"


def test_wrong_source_key_is_refused(web: Stack) -> None:
    assert web.services.store is not None
    other = sent(web)
    web.services.store.put("camera/a.jpg", pictures.portrait(), "image/jpeg")
    web.services.store.put("camera/large.mp4", MP4 + bytes(MAX_BYTES), "video/mp4")
    for key, status in [
        ("camera/none.mp4", 404),
        ("camera/a.jpg", 415),
        ("camera/large.mp4", 413),
        (objects.source(uuid.UUID(other["id"])), 422),
        ("../camera/7.mp4", 422),
        ("camera/./7.mp4", 422),
        ("camera//7.mp4", 422),
        (" ", 422),
        ("é" * 600, 422),  # longer in bytes than any key of S3
        ("é" * 500, 404),
        ("camera/\n\x01\x7f7.mp4", 404),
    ]:
        assert_problem(call(web, "POST", json={"source_key": key}), status)
    for body, field in (({}, "body"), ({"source_key": 7}, "source_key"), ({"source_key": "a.mp4", "more": 1}, "more")):
        assert fields(assert_problem(call(web, "POST", json=body), 422)) == {field}
    problem = assert_problem(call(web, "POST", json={"source_keys": "a.mp4"}), 422)
    assert "source_keys: There is no such parameter or field here; did you mean source_key?" in problem["detail"]


# --- looking, cancelling, deleting -----------------------------------------------------------------------------------


def test_list_is_newest_first(web: Stack) -> None:
    videos = [sent(web)["id"] for _ in range(3)]
    page = call(web, "GET", params={"per_page": 2}).json()
    assert [video["id"] for video in page["items"]] == videos[:0:-1]
    call(web, "POST", f"/{videos[0]}/cancel")
    cancelled = call(web, "GET", params={"status": "cancelled", "per_page": 100}).json()
    assert videos[0] in {video["id"] for video in cancelled["items"]}
    assert {video["status"] for video in cancelled["items"]} == {"cancelled"}


def test_unfinished_video_has_no_result(web: Stack) -> None:
    video = sent(web)
    for what in ("result", "tracks"):
        assert "queued" in assert_problem(call(web, "GET", f"/{video['id']}/{what}"), 404)["detail"]


def test_cancelled_video_has_ended(web: Stack) -> None:
    video = sent(web)
    for _ in range(2):
        response = call(web, "POST", f"/{video['id']}/cancel")
        assert response.status_code == 200
        assert response.json()["status"] == "cancelled" and response.json()["finished_at"]


def test_deleted_video_is_gone_with_its_file(web: Stack) -> None:
    video = sent(web)
    assert call(web, "DELETE", f"/{video['id']}").status_code == 204
    assert_problem(call(web, "GET", f"/{video['id']}"), 404)
    assert not any(video["id"] in key for key in stored(web))


@pytest.mark.parametrize("video", [str(uuid.UUID(int=7)), "x", "%00"])
def test_unknown_video_is_404(web: Stack, video: str) -> None:
    for method, path in [("GET", ""), ("GET", "/result"), ("GET", "/tracks"), ("POST", "/cancel"), ("DELETE", "")]:
        assert_problem(call(web, method, f"/{video}{path}"), 404)


# --- keys ------------------------------------------------------------------------------------------------------------


def key_of(service: Stack, *scopes: str) -> str:
    assert service.services.sessions is not None
    with service.services.sessions() as session:
        return keys.create(session, "camera", KeyProperties.model_validate({"scopes": scopes}))[1]


def by_key(service: Stack, key: str, method: str, path: str = "", **options: Any) -> requests.Response:
    return requests.request(
        method,
        service.url + VIDEOS + path,
        headers={"X-API-Key": key},
        timeout=60,
        allow_redirects=False,
        **options,
    )


def test_key_sees_its_own_videos_alone(web: Stack) -> None:
    mine, other, admin = key_of(web, "video"), key_of(web, "video"), key_of(web, "admin")
    video = by_key(web, mine, "POST", files={"video": ("a.mp4", MP4)}).json()["id"]
    of_admin = sent(web)["id"]
    assert [one["id"] for one in by_key(web, mine, "GET").json()["items"]] == [video]
    assert by_key(web, other, "GET").json()["total"] == 0
    assert by_key(web, mine, "GET", f"/{video}").status_code == 200
    assert call(web, "GET", f"/{video}").status_code == by_key(web, admin, "GET", f"/{video}").status_code == 200
    for method, path in [("GET", ""), ("GET", "/result"), ("GET", "/tracks"), ("POST", "/cancel"), ("DELETE", "")]:
        assert_problem(by_key(web, other, method, f"/{video}{path}"), 404)
        assert_problem(by_key(web, mine, method, f"/{of_admin}{path}"), 404)
    assert by_key(web, mine, "POST", f"/{video}/cancel").json()["status"] == "cancelled"
    assert by_key(web, mine, "DELETE", f"/{video}").status_code == 204


def test_key_needs_the_scope(web: Stack) -> None:
    before = stored(web)
    wrong = key_of(web, "detect", "mask", "batch")
    for method, path in [("GET", ""), ("POST", ""), ("GET", f"/{uuid.UUID(int=7)}")]:
        problem = assert_problem(by_key(web, wrong, method, path, files={"video": ("a.mp4", MP4)}), 403)
        assert problem["code"] == "missing_scope"
    assert stored(web) == before


def test_video_needs_storage(start_service: Starter) -> None:
    without = start_service(FACE_API_STORAGE_ENABLED="false", programs=WEB_ALONE)
    assert assert_problem(send(without, MP4), 501)["code"] == "tier_off"
    assert_problem(call(without, "GET"), 501)
