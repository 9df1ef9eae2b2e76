"""One call of the Python client: what it sends, what comes back, which errors it ends with."""

import asyncio
import base64
import hashlib
import json
import socket
import tracemalloc
from pathlib import Path

import pytest

from face_api_client import (
    AccessRefused,
    ApiError,
    AsyncClient,
    Client,
    MaskedImage,
    NewBatch,
    Rejected,
    Retries,
    Unavailable,
    Upload,
)
from face_api_client.errors import FieldProblem
from tests.clients.scripted import HANG_UP, Answer, ScriptedServer, as_json, problem
from web.openapi.batch_examples import A_BATCH, A_RECEIPT
from web.openapi.examples import DETECTED

KEY = "xyl_" + "5" * 48
NEVER = Retries(0, 0, 0)
MEGABYTE = 2**20
REPORT = {
    "X-Request-Id": "0f0e",
    "X-Model": "scrfd_10g",
    "X-Face-Count": "2",
    "X-Mask-Effective-Strength": "199",
    "X-Inference-Ms": "12.50",
    "X-Mask-Ms": "1.00",
    "X-Encode-Ms": "2.00",
    "X-Total-Ms": "20.00",
    "X-Metadata-Removed": "exif, gps",
    "X-Residual-Faces": "0",
    "Content-Type": "image/jpeg",
}


MADE = as_json({"id": "some", "status_url": ""}, 202)


def begun(size: int, offset: int = 0) -> Answer:
    return as_json({"id": "some", "filename": "a.mp4", "size_bytes": size, "offset": offset}, 201)


def kept() -> Answer:
    return Answer(204)


def test_options_and_key_are_sent() -> None:
    with ScriptedServer(as_json(DETECTED)).running() as server:
        with Client(f"{server.url}/", api_key=KEY, retries=NEVER) as client:
            found = client.detect_faces(b"a picture", confidence=0.6, detail="fast")
        (received,) = server.received
    assert received.path == "/api/v1/detect?confidence=0.6&detail=fast"
    assert received.headers["X-API-Key"] == KEY and "Authorization" not in received.headers
    assert b"a picture" in received.head and b'name="image"; filename="image"' in received.head
    assert [face.bbox.x1 for face in found.detections] == [one["bbox"]["x1"] for one in DETECTED["detections"]]


def test_regions_are_fields_of_the_form(tmp_path: Path) -> None:
    (tmp_path / "portrait.png").write_bytes(b"a picture")
    with ScriptedServer(Answer(body=(b"masked",), headers=REPORT)).running() as server:
        with Client(server.url, basic_auth=("admin", "correct hörse"), retries=NEVER) as client:
            region = {"x1": 0.0, "y1": 0.0, "x2": 9.0, "y2": 9.0}
            masked = client.mask_image(tmp_path / "portrait.png", mask_regions=[region], verify=True)  # type: ignore[list-item]  # as JSON
        (received,) = server.received
    assert received.path == "/api/v1/mask?verify=true" and received.headers["Authorization"].startswith("Basic ")
    assert json.dumps([region]).encode() in received.head and b'filename="portrait.png"' in received.head
    assert masked.report.metadata_removed == ("exif", "gps") and masked.report.residual_faces == 0
    masked.save(tmp_path / "masked.jpg")
    assert (tmp_path / "masked.jpg").read_bytes() == b"masked"


def test_variant_with_asyncio_does_the_same() -> None:
    async def mask(url: str) -> MaskedImage:
        async with AsyncClient(url, api_key=KEY, retries=NEVER) as client:
            return await client.mask_image(b"a picture", method="solid")

    with ScriptedServer(Answer(body=(b"masked",), headers=REPORT)).running() as server:
        masked = asyncio.run(mask(server.url))
        assert (masked.data, masked.content_type, masked.report.face_count) == (b"masked", "image/jpeg", 2)
        assert server.received[0].path == "/api/v1/mask?method=solid"


def test_answer_without_a_report_is_no_masked_picture() -> None:
    """As a captive portal or a misled proxy would send one."""
    with (
        ScriptedServer(Answer(body=(b"a picture",), headers={"Content-Type": "image/jpeg"})).running() as server,
        Client(server.url, retries=NEVER) as client,
        pytest.raises(Rejected) as raised,
    ):
        client.mask_image(b"a picture")
    assert raised.value.code == "not_the_service"


def test_problem_becomes_an_error() -> None:
    wrong = [{"field": "confidence", "message": "too large"}]
    with (
        ScriptedServer(problem(422, "invalid_option", errors=wrong)).running() as server,
        Client(server.url) as client,
        pytest.raises(Rejected) as raised,
    ):
        client.detect_faces(b"a picture")
    error = raised.value
    assert (error.status, error.code, error.detail, error.request_id) == (
        422,
        "invalid_option",
        "it is invalid_option",
        "0f0e",
    )
    assert error.problems == (FieldProblem("confidence", "too large"),)
    assert str(error) == "it is invalid_option (invalid_option)"


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (problem(401, "unauthenticated"), AccessRefused, "unauthenticated"),
        (problem(403, "missing_scope"), AccessRefused, "missing_scope"),
        (problem(503, "no_admin_password"), AccessRefused, "no_admin_password"),
        (problem(503, "queue_full"), Unavailable, "queue_full"),
        (Answer(502, (b"<html>a proxy's</html>",)), Unavailable, "http_502"),
        (Answer(302, headers={"Location": "/login"}), Rejected, "http_302"),
        (Answer(200, (b"<html>another's</html>",)), Rejected, "not_the_service"),
        (as_json({"id": 7}), Rejected, "not_the_service"),
        (as_json([]), Rejected, "not_the_service"),
    ],
)
def test_every_answer_has_its_error(answer: Answer, kind: type[ApiError], code: str) -> None:
    with (
        ScriptedServer(answer).running() as server,
        Client(server.url, retries=NEVER) as client,
        pytest.raises(ApiError) as raised,
    ):
        client.get_batch("some")
    assert type(raised.value) is kind and raised.value.code == code


def test_result_of_a_newer_service_is_understood() -> None:
    newer = A_BATCH | {"status": "paused", "mood": "fine", "counts": A_BATCH["counts"] | {"paused": 3}}
    with ScriptedServer(as_json(newer)).running() as server, Client(server.url) as client:
        assert client.get_batch("some").status == "paused"  # type: ignore[comparison-overlap]  # of a newer service


def test_batch_is_created_under_its_key() -> None:
    new = NewBatch("press", {"method": "solid"}, webhook_url="https://a.example/")
    with ScriptedServer(as_json(A_BATCH, 201)).running() as server, Client(server.url) as client:
        assert client.create_batch(new).name == A_BATCH["name"]
        (received,) = server.received
    assert json.loads(received.head) == {
        "name": "press",
        "job_type": "mask",
        "options": {"method": "solid"},
        "webhook_url": "https://a.example/",
    }
    assert received.headers["Idempotency-Key"] == new.idempotency_key != NewBatch("press").idempotency_key


def test_many_files_go_in_several_requests() -> None:
    images = [Upload(f"{number:03}.jpg", bytes(200_000)) for number in range(60)]
    with ScriptedServer(as_json(A_RECEIPT, 202)).running() as server, Client(server.url) as client:
        receipt = client.upload_files("some", images)
        assert [request.size < 9 * MEGABYTE for request in server.received] == [True, True]
    assert receipt.digests.keys() == {image.name for image in images}
    assert len(receipt.accepted) == 2 * len(A_RECEIPT["accepted"])


def test_link_to_a_store_gets_no_credentials(tmp_path: Path) -> None:
    with ScriptedServer(Answer(body=(b"the ", b"video"))).running() as store:
        redirect = Answer(302, headers={"Location": f"{store.url}/bucket/video?signature=1"})
        with ScriptedServer(redirect).running() as server, Client(server.url, api_key=KEY) as client:
            client.download_video("some", tmp_path / "masked.mp4")
            assert server.received[0].headers["X-API-Key"] == KEY
        (received,) = store.received
    assert received.path == "/bucket/video?signature=1"
    assert "X-API-Key" not in received.headers and KEY not in str(received)
    assert (tmp_path / "masked.mp4").read_bytes() == b"the video"


def test_download_that_is_cut_leaves_nothing(tmp_path: Path) -> None:
    with (
        ScriptedServer(Answer(body=(b"half a ",), cut=True)).running() as server,
        Client(server.url, retries=NEVER) as client,
        pytest.raises(Unavailable),
    ):
        client.download_batch_results("some", tmp_path / "results.zip")
    assert list(tmp_path.iterdir()) == []


def test_download_that_was_cut_is_begun_anew(tmp_path: Path) -> None:
    answers = Answer(body=(b"half a ",), cut=True), Answer(body=(b"all of it",))
    with ScriptedServer(*answers).running() as server, Client(server.url) as client:
        digest = client.download_item_result("some", "item", tmp_path / "a.jpg")
    assert (tmp_path / "a.jpg").read_bytes() == b"all of it"
    assert digest == hashlib.sha256(b"all of it").hexdigest()


def test_download_that_has_changed_on_its_way_is_not_kept(tmp_path: Path) -> None:
    digest = base64.b64encode(hashlib.sha256(b"the picture").digest()).decode()
    told = {"Repr-Digest": f"sha-256=:{digest}:"}
    answers = Answer(body=(b"the pixture",), headers=told), Answer(body=(b"the picture",), headers=told)
    with ScriptedServer(*answers).running() as server, Client(server.url) as client:
        client.download_item_result("some", "item", tmp_path / "a.jpg")
        assert (tmp_path / "a.jpg").read_bytes() == b"the picture" and len(server.received) == 2
    with (
        ScriptedServer(answers[0]).running() as server,
        Client(server.url, retries=NEVER) as client,
        pytest.raises(Unavailable),
    ):
        client.download_item_result("some", "item", tmp_path / "b.jpg")
    assert [path.name for path in tmp_path.iterdir()] == ["a.jpg"]


def test_tracks_that_are_cut_end_with_an_error() -> None:
    line = b'{"frame": 0, "time_s": 0.0, "faces": []}\n'
    with (
        ScriptedServer(Answer(body=(line, line), cut=True)).running() as server,
        Client(server.url) as client,
        pytest.raises(Unavailable),
    ):
        assert [frame.frame for frame in client.download_video_tracks("some")] == [0, 0]


def test_large_files_take_no_memory(tmp_path: Path) -> None:
    large, size = tmp_path / "large.mp4", 96 * MEGABYTE
    with large.open("wb") as file:
        file.truncate(size)
    pieces = [kept() for _ in range(6)]
    answers = begun(size), *pieces, MADE, Answer(body=(bytes(MEGABYTE),) * 96)
    with ScriptedServer(*answers).running() as server, Client(server.url) as client:
        tracemalloc.start()
        told: list[int] = []
        client.create_video(large, told.append, method="solid")
        client.download_video("some", tmp_path / "out.mp4")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        sent = [request for request in server.received if request.method == "PATCH"]
        assert [request.size for request in sent] == [16 * MEGABYTE] * 6
        assert [int(request.headers["Upload-Offset"]) for request in sent] == [at * 16 * MEGABYTE for at in range(6)]
        assert server.received[-2].path == "/api/v1/videos?method=solid"
        assert json.loads(server.received[-2].head) == {"upload_id": "some"}
    assert told[-1] == size == (tmp_path / "out.mp4").stat().st_size
    assert peak < 8 * MEGABYTE


def test_broken_upload_goes_on_where_it_was() -> None:
    """The first answer gets lost though the piece was kept; the second piece breaks off and is sent again."""
    video = b"".join(bytes([number]) * MEGABYTE for number in range(40))
    conflict, further = problem(409, "upload_conflict"), begun(len(video), 16 * MEGABYTE)
    answers = begun(len(video)), HANG_UP, conflict, further, HANG_UP, kept(), kept(), MADE
    with ScriptedServer(*answers).running() as server, Client(server.url) as client:
        assert client.create_video(video).id == "some"
        sent = [request for request in server.received if request.method == "PATCH"]
    assert [int(request.headers["Upload-Offset"]) // MEGABYTE for request in sent] == [0, 0, 16, 16, 32]
    assert [request.head[0] for request in sent] == [0, 0, 16, 16, 32] and sent[-1].size == 8 * MEGABYTE


def test_upload_at_another_place_is_an_error() -> None:
    answers = begun(9), problem(409, "upload_conflict"), begun(9, 0)
    with (
        ScriptedServer(*answers).running() as server,
        Client(server.url) as client,
        pytest.raises(Rejected) as raised,
    ):
        client.create_video(b"a picture")
    assert raised.value.code == "upload_conflict"


def test_silent_service_is_given_up() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        Client(f"http://127.0.0.1:{silent.getsockname()[1]}", retries=NEVER, timeout=0.2) as client,
    ):
        for call in (client.get_health, client.list_videos):
            with pytest.raises(Unavailable) as raised:
                call()
            assert raised.value.code == "unreachable" and raised.value.status is None


@pytest.mark.parametrize("url", ["faces.example", "ftp://a.example", "https://user@a.example", "https://a.example/?x"])
def test_wrong_urls_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="http"):
        Client(url)


def test_two_credentials_are_refused() -> None:
    with pytest.raises(ValueError, match="not both"):
        Client("https://a.example", api_key=KEY, basic_auth=("admin", "x"))
