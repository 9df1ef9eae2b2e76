"""What comes of a batch: one result, all of them in an archive, and the progress as it happens."""

import base64
import hashlib
import http.server
import io
import itertools
import json
import threading
import time
import uuid
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from sqlalchemy import update
from standardwebhooks import Webhook

from core.database.clock import now
from core.database.models import Batch, BatchItem, ProcessingJob
from core.storage import objects
from tests.contract import pictures
from tests.contract.admin import ADMIN, basic, body
from tests.contract.calls import Starter, assert_problem, fields
from tests.stack import Stack
from web.openapi.examples import A_DELIVERY, A_RESULT


@pytest.fixture(scope="module")
def idle(start_service: Starter) -> Stack:
    """A stack whose worker has ended: the tests say what becomes of an item."""
    service = start_service(FACE_API_WEB_THREADS="16")
    service.stop_worker()
    return service


def begun(service: Stack, *names: str, **sent: Any) -> dict[str, Any]:
    """Begin a batch with pictures of these names, all of them different."""
    batch = body(basic(service, "POST", "/batches", json={"name": "press", **sent}), 201)
    files = [("images", (name, picture(name))) for name in names]
    if files:
        receipt = body(basic(service, "POST", f"/batches/{batch['id']}/images", files=files), 202)
        assert not receipt["refused"]
    return batch


def picture(name: str) -> bytes:
    """A picture of its own for each name; what follows a JPEG's end is no part of it."""
    return pictures.encoded(pictures.landscape(), "JPEG") + name.encode()


def masked(name: str) -> bytes:
    return b"masked " + name.encode()


def finish(service: Stack, batch: dict[str, Any], **outcomes: str) -> None:
    """End items, by name: `completed` with a masked picture in the store, or `failed`."""
    store, sessions = service.services.store, service.services.sessions
    assert store is not None and sessions is not None
    with sessions() as session:
        for item in session.query(BatchItem).filter(BatchItem.batch_id == uuid.UUID(batch["id"])):
            outcome = outcomes.get(item.name, outcomes.get("every"))
            if outcome is None or item.state != "queued":
                continue
            item.state, item.finished_at, item.attempts = outcome, now(), 1
            job: dict[str, Any] = {"status": outcome, "detections": [{"index": 0}], "report": {"review_faces": 0}}
            if outcome == "completed":
                item.face_count = 1
                if batch["job_type"] == "mask":
                    key = objects.processed_key(item.image_id, item.job_id, "jpeg")  # type: ignore[arg-type]
                    store.put(key, masked(item.name), "image/jpeg")
                    item.result_digest = hashlib.sha256(masked(item.name)).hexdigest()
                    job |= {"processed_s3_key": key, "processed_size_bytes": 9, "face_count": 1}
            else:
                item.error_code, item.error_detail = "undecodable_image", "it is cut short"
            session.execute(update(ProcessingJob).where(ProcessingJob.id == item.job_id).values(job))
            counts = {outcome: getattr(Batch, outcome) + 1, "queued": Batch.queued - 1}
            session.execute(update(Batch).where(Batch.id == item.batch_id).values(counts))
        session.commit()


def archive(service: Stack, batch: dict[str, Any]) -> tuple[dict[str, bytes], list[dict[str, Any]]]:
    """Download the results; return the pictures by name, and the manifest's entries."""
    response = basic(service, "GET", f"/batches/{batch['id']}/results")
    assert response.status_code == 200, response.text
    with zipfile.ZipFile(io.BytesIO(response.content)) as found:
        assert found.testzip() is None
        files = {name: found.read(name) for name in found.namelist()}
        assert len(files) == len(found.namelist())
    manifest = [json.loads(line) for line in files.pop("manifest.jsonl").splitlines()]
    return files, manifest


def item_id(service: Stack, batch: dict[str, Any], name: str) -> str:
    items = body(basic(service, "GET", f"/batches/{batch['id']}/items"))["items"]
    return next(str(one["id"]) for one in items if one["name"] == name)


# --- the archive ---------------------------------------------------------------------------------


def test_archive_holds_pictures_and_manifest(idle: Stack) -> None:
    batch = begun(idle, "a.jpg", "2026/b.png", "bad.jpg", "late.jpg")
    finish(idle, batch, **{"a.jpg": "completed", "2026/b.png": "completed", "bad.jpg": "failed"})
    files, manifest = archive(idle, batch)
    assert files == {"a.jpg": masked("a.jpg"), "2026/b.png.jpg": masked("2026/b.png")}
    assert [one["name"] for one in manifest] == ["a.jpg", "2026/b.png", "bad.jpg"]
    first, _, bad = manifest
    assert first.keys() == A_RESULT.keys()
    assert first["sha256"] == hashlib.sha256(picture("a.jpg")).hexdigest()
    assert first["result_sha256"] == hashlib.sha256(files[first["result"]]).hexdigest()
    assert (first["state"], first["face_count"], first["detections"]) == ("completed", 1, [{"index": 0}])
    assert first["options"] == batch["options"]
    assert (bad["result"], bad["error"]) == (None, {"code": "undecodable_image", "detail": "it is cut short"})


def test_archive_grows_with_the_batch(idle: Stack) -> None:
    batch = begun(idle, "a.jpg", "b.jpg")
    assert archive(idle, batch) == ({}, [])
    finish(idle, batch, **{"b.jpg": "completed"})
    assert set(archive(idle, batch)[0]) == {"b.jpg"}
    finish(idle, batch, every="completed")
    assert set(archive(idle, batch)[0]) == {"a.jpg", "b.jpg"}


def test_names_in_the_archive_are_distinct(idle: Stack) -> None:
    batch = begun(idle, "a.png", "a.png.jpg", "a.jpg", "manifest.jsonl")
    finish(idle, batch, every="completed")
    files, manifest = archive(idle, batch)
    assert {one["name"]: files[one["result"]] for one in manifest} == {
        name: masked(name) for name in ("a.png", "a.png.jpg", "a.jpg", "manifest.jsonl")
    }
    assert {"a.png.jpg", "a.jpg", "manifest.jsonl.jpg"} < set(files)


def test_names_in_the_archive_lead_nowhere_else(idle: Stack) -> None:
    batch = begun(idle, "a.jpg", "b.jpg", "c.jpg")
    finish(idle, batch, every="completed")
    evil = {"a.jpg": "../../evil.jpg", "b.jpg": "/etc/evil.jpg", "c.jpg": "x\\..\\evil.jpg"}
    with idle.services.sessions() as session:  # type: ignore[misc]
        for name, other in evil.items():
            of_batch = BatchItem.batch_id == uuid.UUID(batch["id"])
            session.execute(update(BatchItem).where(of_batch, BatchItem.name == name).values(name=other))
        session.commit()
    files, manifest = archive(idle, batch)
    assert len(files) == 3
    assert all(one["result"] == f"{one['id']}.jpg" for one in manifest)


def test_archive_of_many_pages_is_complete(idle: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"{number:04}.jpg" for number in range(430)]
    batch = begun(idle, *names)
    finish(idle, batch, every="completed")
    files, manifest = archive(idle, batch)
    assert set(files) == {one["result"] for one in manifest} == set(names)


def test_archive_of_detections_is_the_manifest(idle: Stack) -> None:
    batch = begun(idle, "a.jpg", job_type="detect")
    finish(idle, batch, every="completed")
    files, manifest = archive(idle, batch)
    assert files == {}
    assert (manifest[0]["detections"], manifest[0]["result"]) == ([{"index": 0}], None)


def test_deleted_picture_is_told_of(idle: Stack) -> None:
    batch = begun(idle, "a.jpg", "b.jpg")
    finish(idle, batch, every="completed")
    image = body(basic(idle, "GET", f"/batches/{batch['id']}/items"))["items"][0]["image_id"]
    assert basic(idle, "DELETE", f"/images/{image}").status_code == 204
    files, manifest = archive(idle, batch)
    assert set(files) == {"b.jpg"}
    assert [(one["name"], one["result"]) for one in manifest] == [("a.jpg", None), ("b.jpg", "b.jpg")]


def test_archive_is_named_after_its_batch(idle: Stack) -> None:
    batch = begun(idle, name="Frühling 2026")
    for method in ("GET", "HEAD"):
        response = basic(idle, method, f"/batches/{batch['id']}/results")
        assert response.headers["Content-Type"] == "application/zip"
        assert "filename*=UTF-8''Fr%C3%BChling%202026.zip" in response.headers["Content-Disposition"]


@pytest.mark.usefixtures("embedded_tiers")
def test_failing_store_breaks_the_archive(idle: Stack) -> None:
    batch = begun(idle, "a.jpg", "b.jpg")
    finish(idle, batch, every="completed")
    (broken,) = [key.key for key in idle.services.store.list("processed/") if key.key.count(second_image(idle, batch))]  # type: ignore[union-attr]
    path = idle.own_settings().var_dir / "objects" / broken
    path.unlink()
    path.symlink_to(path)  # neither there nor missing: it can't be read
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        basic(idle, "GET", f"/batches/{batch['id']}/results")


def second_image(service: Stack, batch: dict[str, Any]) -> str:
    return str(body(basic(service, "GET", f"/batches/{batch['id']}/items"))["items"][1]["image_id"])


# --- one result ----------------------------------------------------------------------------------


def test_result_of_an_item_is_its_picture(idle: Stack) -> None:
    batch = begun(idle, "x/b.png")
    finish(idle, batch, every="completed")
    response = basic(idle, "GET", f"/batches/{batch['id']}/items/{item_id(idle, batch, 'x/b.png')}/result")
    assert (response.status_code, response.content) == (200, masked("x/b.png"))
    assert response.headers["Content-Type"] == "image/jpeg"
    assert 'filename="b.png.jpg"' in response.headers["Content-Disposition"]
    digest = base64.b64encode(hashlib.sha256(response.content).digest()).decode()
    assert response.headers["Repr-Digest"] == f"sha-256=:{digest}:"


def test_result_of_a_detection_is_its_entry(idle: Stack) -> None:
    batch = begun(idle, "a.jpg", job_type="detect")
    finish(idle, batch, every="completed")
    found = body(basic(idle, "GET", f"/batches/{batch['id']}/items/{item_id(idle, batch, 'a.jpg')}/result"))
    assert archive(idle, batch)[1] == [found]


@pytest.mark.parametrize("outcome", ["queued", "failed"])
def test_item_without_result_is_404(idle: Stack, outcome: str) -> None:
    batch = begun(idle, "a.jpg")
    if outcome == "failed":
        finish(idle, batch, every="failed")
    path = f"/batches/{batch['id']}/items/{item_id(idle, batch, 'a.jpg')}/result"
    assert_problem(basic(idle, "GET", path), 404)


def test_result_is_found_in_its_own_batch_alone(idle: Stack) -> None:
    batch, other = begun(idle, "a.jpg"), begun(idle)
    finish(idle, batch, every="completed")
    assert_problem(basic(idle, "GET", f"/batches/{other['id']}/items/{item_id(idle, batch, 'a.jpg')}/result"), 404)


def test_answers_are_as_described(idle: Stack) -> None:
    document = requests.get(f"{idle.url}/openapi/openapi.json", timeout=30).json()
    described = schemathesis.openapi.from_dict(document)
    for kind in ("mask", "detect"):
        batch = begun(idle, "a.jpg", job_type=kind)
        finish(idle, batch, every="completed")
        path = f"/batches/{batch['id']}/items/{item_id(idle, batch, 'a.jpg')}/result"
        operation = described[f"{ADMIN}/batches/{{batch_id}}/items/{{item_id}}/result"]["GET"]
        operation.validate_response(basic(idle, "GET", path))


# --- what is new ---------------------------------------------------------------------------------


def test_items_are_told_in_the_order_of_their_ends(idle: Stack) -> None:
    batch = begun(idle, "a.jpg", "b.jpg", "c.jpg")
    for name, outcome in (("c.jpg", "completed"), ("a.jpg", "failed")):
        finish(idle, batch, **{name: outcome})

    def ended(**query: str) -> list[dict[str, Any]]:
        found = body(basic(idle, "GET", f"/batches/{batch['id']}/items", params=query))
        assert found["total"] == len(found["items"])
        return list(found["items"])

    first, second = ended(finished_after="2026-01-01")
    assert (first["name"], second["name"]) == ("c.jpg", "a.jpg")
    assert ended(finished_after=second["finished_at"]) == [second]
    assert ended(finished_after="2026-01-01", state="completed") == [first]
    assert ended(finished_after="2126-01-01") == []


# --- progress ------------------------------------------------------------------------------------


def events(response: requests.Response) -> Iterator[tuple[str, dict[str, Any]]]:
    """The events of a stream, as they come."""
    kind = ""
    for line in response.iter_lines(chunk_size=1, decode_unicode=True):
        name, _, value = line.partition(": ")
        kind = value if name == "event" else kind
        if name == "data":
            yield kind, json.loads(value)


def watch(service: Stack, batch: dict[str, Any]) -> requests.Response:
    return basic(service, "GET", f"/batches/{batch['id']}/events", stream=True)


def test_events_tell_changes_and_the_end(idle: Stack) -> None:
    batch = begun(idle, "a.jpg", "b.jpg")
    with watch(idle, batch) as response:
        assert response.headers["Content-Type"].startswith("text/event-stream")
        found = events(response)
        kind, told = next(found)
        assert (kind, told["counts"]["queued"]) == ("progress", 2)
        finish(idle, batch, **{"a.jpg": "completed"})
        kind, told = next(found)
        assert (kind, told["counts"]["queued"], told["counts"]["completed"]) == ("progress", 1, 1)
        finish(idle, batch, every="failed")
        basic(idle, "POST", f"/batches/{batch['id']}/close")
        last = list(found)[-1]
    assert (last[0], last[1]["status"], last[1]["counts"]["failed"]) == ("done", "completed", 1)
    assert last[1] == body(basic(idle, "GET", f"/batches/{batch['id']}"))


def test_events_of_a_finished_batch_end_at_once(idle: Stack) -> None:
    batch = begun(idle)
    basic(idle, "POST", f"/batches/{batch['id']}/close")
    with watch(idle, batch) as response:
        assert [kind for kind, _ in events(response)] == ["progress", "done"]


def test_streams_leave_threads_for_others(idle: Stack) -> None:
    batch = begun(idle)
    opened = [watch(idle, batch) for _ in range(4)]  # a quarter of the threads
    try:
        assert [response.status_code for response in opened] == [200] * 4
        refused = watch(idle, batch)
        assert assert_problem(refused, 503)["code"] == "too_many_streams"
        assert int(refused.headers["Retry-After"]) > 0
        started = time.monotonic()
        assert requests.get(f"{idle.url}/health", timeout=5).status_code in (200, 503)
        assert time.monotonic() - started < 1
    finally:
        for response in opened:
            response.close()
    # Those who hang up give their place back, though nothing has happened that they could be told.
    deadline = time.monotonic() + 5
    for _ in itertools.count():
        with watch(idle, batch) as response:
            if response.status_code == 200:
                break
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_refused_downloads_keep_no_place(idle: Stack) -> None:
    for _ in range(10):
        assert_problem(basic(idle, "GET", f"/batches/{uuid.uuid4()}/events"), 404)
        assert_problem(basic(idle, "GET", f"/batches/{uuid.uuid4()}/results"), 404)
    threads = [threading.Thread(target=archive, args=(idle, begun(idle))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert archive(idle, begun(idle)) == ({}, [])


# --- webhooks ------------------------------------------------------------------------------------


SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


@pytest.fixture(scope="module")
def telling(start_service: Starter) -> Stack:
    """A stack whose webhooks may lead to this machine."""
    return start_service(FACE_API_WEBHOOK_SECRET=SECRET, FACE_API_WEBHOOK_ALLOW_PRIVATE="true")


def told_by(service: Stack, receiver: http.server.HTTPServer, *names: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Run a batch to its end; return it, and what its receiver was told."""
    url = f"http://127.0.0.1:{receiver.server_port}/hook"
    batch = begun(service, *names, webhook_url=url)
    basic(service, "POST", f"/batches/{batch['id']}/close")
    receiver.timeout = 30
    receiver.handle_request()
    return body(basic(service, "GET", f"/batches/{batch['id']}")), receiver.told  # type: ignore[attr-defined]


@pytest.fixture
def receiver() -> Iterator[http.server.HTTPServer]:
    """A receiver on loopback, for one call."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self.server.told = Webhook(SECRET).verify(sent, dict(self.headers))  # type: ignore[attr-defined]
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        server.told = {}  # type: ignore[attr-defined]
        yield server


def deliveries(service: Stack, batch: dict[str, Any]) -> dict[str, Any]:
    return body(basic(service, "GET", f"/batches/{batch['id']}/deliveries"))


@pytest.mark.parametrize("names", [(), ("a.jpg", "b.jpg")])
def test_webhook_is_told_of_the_end(telling: Stack, receiver: http.server.HTTPServer, names: tuple[str, ...]) -> None:
    batch, told = told_by(telling, receiver, *names)
    assert batch["status"] == "completed"
    assert told["type"] == "batch.completed"
    assert (told["data"]["id"], told["data"]["counts"]["completed"]) == (batch["id"], len(names))
    telling.until(lambda: deliveries(telling, batch)["items"][0]["status"] == "delivered")
    (delivery,) = deliveries(telling, batch)["items"]
    assert delivery.keys() == A_DELIVERY.keys()
    assert (delivery["attempts"], delivery["last_status"], delivery["last_error"]) == (1, 204, None)
    assert not [secret for secret in (SECRET, "/hook") if secret in telling.log("worker") + telling.log("serve")]


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/", "http://[::ffff:10.0.0.1]/", "http://localhost/"])
def test_webhook_that_leads_inside_is_refused(idle: Stack, url: str) -> None:
    problem = assert_problem(basic(idle, "POST", "/batches", json={"name": "press", "webhook_url": url}), 422)
    assert fields(problem) == {"webhook_url"} and "private" in problem["detail"]
    assert deliveries(idle, begun(idle))["items"] == []
