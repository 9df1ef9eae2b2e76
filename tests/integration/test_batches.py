"""Batches from the upload to the last result, with a real worker."""

import hashlib
import io
import json
import time
import uuid
import zipfile
from typing import Any

import cv2
import numpy as np
import pytest
import requests
import skimage.data

from core.contract.states import ItemState
from tests.conftest import StartService
from tests.stack import PATIENCE_S, Stack


@pytest.fixture(scope="module")
def alone(start_service: StartService) -> Stack:
    """Return a service with one worker process, which nobody else uses: it is disturbed."""
    return start_service()


def picture(shade: int = 0, format: str = ".jpg") -> bytes:
    """A portrait; each shade has bytes of its own."""
    pixels = cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2BGR)
    pixels[:20, :20] = shade % 256
    return cv2.imencode(format, pixels)[1].tobytes()


def admin(service: Stack, method: str, path: str = "", **options: Any) -> Any:
    url = f"{service.url}/api/v1/admin/batches{path}"
    answer = requests.request(method, url, auth=("admin", "correct horse"), timeout=60, **options)
    assert answer.status_code < 400, answer.text
    return answer.json()


def begin(service: Stack, **sent: Any) -> str:
    return str(admin(service, "POST", json={"name": "test", **sent})["id"])


def upload(service: Stack, batch: str, *files: tuple[str, bytes]) -> Any:
    return admin(service, "POST", f"/{batch}/images", files=[("images", file) for file in files])


def finished(service: Stack, batch: str, within_s: float = PATIENCE_S) -> Any:
    """Close a batch and wait until it is finished; return it."""
    admin(service, "POST", f"/{batch}/close")
    deadline = time.monotonic() + within_s
    while (shown := admin(service, "GET", f"/{batch}"))["finished_at"] is None:
        assert time.monotonic() < deadline, shown
        time.sleep(0.1)
    return shown


def items(service: Stack, batch: str) -> list[Any]:
    found: list[Any] = admin(service, "GET", f"/{batch}/items", params={"per_page": 100})["items"]
    return found


def sent_alone(service: Stack, data: bytes, **options: str) -> bytes:
    """What /mask answers to the same picture."""
    answer = requests.post(
        f"{service.url}/api/v1/mask",
        params=options,
        files={"image": data},
        headers={"X-API-Key": service.key},
        timeout=60,
    )
    assert answer.status_code == 200, answer.text
    return answer.content


def test_batch_masks_like_single_calls(service: Stack) -> None:
    batch = begin(service, options={"method": "pixelate", "format": "png"})
    sent = {f"folder/{shade}.jpg": picture(shade) for shade in range(8)}
    upload(service, batch, *sent.items())
    shown = finished(service, batch)
    assert shown["status"] == "completed"
    assert {state: count for state, count in shown["counts"].items() if count} == {"completed": 8, "total": 8}
    assert shown["faces"] == 8
    found = items(service, batch)
    assert [item["name"] for item in found] == list(sent)
    for item in found:
        result = requests.get(item["result_url"], timeout=30).content
        assert result == sent_alone(service, sent[item["name"]], method="pixelate", format="png")
        assert item["result_sha256"] == hashlib.sha256(result).hexdigest()
        assert (item["attempts"], item["face_count"], item["error"]) == (1, 1, None)


def test_correction_reaches_every_result(service: Stack) -> None:
    """A face that was missed is masked by hand: item, result, archive and manifest hold that picture."""
    batch = begin(service, options={"method": "solid"})
    upload(service, batch, ("a.jpg", picture(110)), ("b.jpg", picture(111)))
    finished(service, batch)
    before, other = items(service, batch)
    url = f"{service.url}/api/v1/admin/images/{before['image_id']}/mask"
    missed = {"add": [{"x1": 10, "y1": 10, "x2": 90, "y2": 90}]}
    edited = requests.post(url, json=missed, auth=("admin", "correct horse"), timeout=60).json()
    after, untouched = items(service, batch)
    assert untouched | {"result_url": ""} == other | {"result_url": ""}, "links differ by when they were made"
    assert (after["corrected"], before["corrected"]) == (True, False)
    assert (after["job_id"], edited["batch_id"], after["face_count"]) == (edited["id"], batch, 2)
    assert after["result_sha256"] != before["result_sha256"]
    root = f"{service.url}/api/v1/admin/batches/{batch}"
    result = requests.get(f"{root}/items/{after['id']}/result", auth=("admin", "correct horse"), timeout=60).content
    archive = requests.get(f"{root}/results", auth=("admin", "correct horse"), timeout=60).content
    with zipfile.ZipFile(io.BytesIO(archive)) as zipped:
        files = {name: zipped.read(name) for name in zipped.namelist()}
    manifest = {one["name"]: one for one in map(json.loads, files["manifest.jsonl"].splitlines())}
    assert files["a.jpg"] == result
    assert hashlib.sha256(result).hexdigest() == after["result_sha256"] == manifest["a.jpg"]["result_sha256"]
    assert [manifest[name]["corrected"] for name in ("a.jpg", "b.jpg")] == [True, False]
    pixels = cv2.imdecode(np.frombuffer(result, np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    assert pixels[20:80, 20:80].max() < 20, "the face that was missed is black"
    assert admin(service, "GET", f"/{batch}")["faces"] == 3


def test_item_leaves_the_job_of_a_single_call(service: Stack) -> None:
    batch = begin(service)
    upload(service, batch, ("a.jpg", picture(100)))
    finished(service, batch)
    (item,) = items(service, batch)
    url = f"{service.url}/api/v1/admin/jobs/{item['job_id']}"
    job = requests.get(url, auth=("admin", "correct horse"), timeout=30).json()
    assert (job["status"], job["batch_id"], job["face_count"]) == ("completed", batch, 1)
    assert (job["method"], job["strength"], job["output_format"]) == ("gaussian", 199, "jpeg")
    assert job["detections"][0]["confidence"] > 0.5
    assert job["report"]["effective_strength"] > 0
    assert job["total_ms"] > 0 and job["finished_at"]


def test_detect_batch_keeps_findings(service: Stack) -> None:
    batch = begin(service, job_type="detect")
    upload(service, batch, ("a.jpg", picture(101)))
    assert finished(service, batch)["faces"] == 1
    (item,) = items(service, batch)
    assert (item["state"], item["face_count"], item["result_url"], item["result_sha256"]) == (
        "completed",
        1,
        None,
        None,
    )


def test_picture_that_does_not_decode_fails_at_once(service: Stack) -> None:
    batch = begin(service)
    upload(service, batch, ("cut.jpg", picture()[:-9000]), ("a.jpg", picture()))
    counts = finished(service, batch)["counts"]
    assert (counts["completed"], counts["failed"]) == (1, 1)
    item = items(service, batch)[0]
    assert (item["state"], item["error"]["code"], item["attempts"]) == ("failed", "undecodable_image", 1)
    assert admin(service, "POST", f"/{batch}/retry-failed")["counts"]["completed"] == 1
    counts = finished(service, batch)["counts"]
    assert (counts["completed"], counts["failed"], counts["total"]) == (1, 1, 2)


def test_batch_of_a_prefix_takes_what_is_in_the_bucket(service: Stack) -> None:
    store = service.services.store
    assert store is not None
    folder = f"incoming-{uuid.uuid4()}"
    keys = [f"{folder}/2026/a.jpg", f"{folder}/b.png"]
    store.put(keys[0], picture(1), "image/jpeg")
    store.put(keys[1], picture(2, ".png"), "image/png")
    store.put(f"{folder}/notes.txt", b"no picture", "text/plain")
    batch = begin(service, prefix=f"{folder}/")
    service.until(lambda: admin(service, "GET", f"/{batch}")["status"] == "completed")
    found = {item["name"]: item for item in items(service, batch)}
    assert {name: item["state"] for name, item in found.items()} == {"2026/a.jpg": "completed", "b.png": "completed"}
    result = requests.get(found["2026/a.jpg"]["result_url"], timeout=30).content
    assert result == sent_alone(service, picture(1))
    requests.delete(
        f"{service.url}/api/v1/admin/images/{found['b.png']['image_id']}", auth=("admin", "correct horse"), timeout=30
    ).raise_for_status()
    assert store.get(keys[1]) == picture(2, ".png")


def test_image_that_is_deleted_leaves_a_blank_item(alone: Stack) -> None:
    service = alone
    service.pause_worker()
    batch = begin(service)
    upload(service, batch, ("a.jpg", picture()))
    (item,) = items(service, batch)
    url = f"{service.url}/api/v1/admin/images/{item['image_id']}"
    requests.delete(url, auth=("admin", "correct horse"), timeout=30).raise_for_status()
    service.resume_worker()
    finished(service, batch)
    (item,) = items(service, batch)
    known = {name for name, value in item.items() if value}
    assert (item["state"], known) == ("deleted", {"id", "state", "created_at", "finished_at"})


def test_cancel_lets_running_items_finish(service: Stack) -> None:
    batch = begin(service)
    upload(service, batch, *[(f"{shade}.jpg", picture(shade)) for shade in range(30)])
    shown = admin(service, "POST", f"/{batch}/cancel")
    service.until(lambda: admin(service, "GET", f"/{batch}")["finished_at"] is not None)
    shown = admin(service, "GET", f"/{batch}")
    counts = shown["counts"]
    assert shown["status"] == "cancelled"
    assert counts["cancelled"] > 0 and counts["cancelled"] + counts["completed"] == counts["total"] == 30
    states = [item["state"] for item in items(service, batch)]
    assert {state: states.count(state) for state in ItemState} == {state: counts[state] for state in ItemState}


def test_flushed_redis_stops_no_batch(alone: Stack) -> None:
    service = alone
    batch = begin(service)
    upload(service, batch, *[(f"{shade}.jpg", picture(shade)) for shade in range(20)])
    service.services.redis.flushall()
    assert finished(service, batch)["counts"]["completed"] == 20


def test_small_batches_call_for_one_another(alone: Stack) -> None:
    service = alone
    service.kill("beat")  # who would call every few seconds; no test that follows has one
    service.pause_worker()
    begun = [begin(service) for _ in range(10)]
    for shade, batch in enumerate(begun):
        upload(service, batch, ("a.jpg", picture(shade)))
    service.resume_worker()
    service.until(lambda: all(admin(service, "GET", f"/{one}")["counts"]["completed"] for one in begun))
