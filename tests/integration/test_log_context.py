"""The log tells of each request by its id what became of it, in web and worker, and why when that is a 5xx."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests
import skimage.io
from sqlalchemy import text

from tests.conftest import StartService
from tests.stack import Stack

AUTH = ("admin", "correct horse")


@pytest.fixture(scope="module")
def used(start_service: StartService) -> Stack:
    return start_service(programs=("serve", "worker"))


def lines(service: Stack, program: str, request_id: str) -> list[dict[str, Any]]:
    """Return what a program has said of a request; what is no JSON is not ours."""
    found = [json.loads(line) for line in service.log(program).splitlines() if line.startswith("{")]
    return [line for line in found if line.get("request_id") == request_id]


def events(service: Stack, program: str, request_id: str) -> list[str]:
    return [line["event"] for line in lines(service, program, request_id)]


def detect(service: Stack, request_id: str) -> int:
    path = service.folder / "picture.png"
    if not path.exists():
        skimage.io.imsave(path, skimage.data.astronaut())
    headers = {"X-API-Key": service.key, "X-Request-Id": request_id}
    with path.open("rb") as picture:
        return requests.post(
            f"{service.url}/api/v1/detect", files={"image": picture}, headers=headers, timeout=60
        ).status_code


def images(service: Stack, request_id: str) -> int:
    url = f"{service.url}/api/v1/admin/images"
    return requests.get(url, auth=AUTH, headers={"X-Request-Id": request_id}, timeout=60).status_code


@contextmanager
def without_table(service: Stack) -> Iterator[None]:
    assert service.services.sessions is not None
    with service.services.sessions() as session:
        session.execute(text("ALTER TABLE processing_jobs RENAME TO elsewhere"))
        session.commit()
        try:
            yield
        finally:
            session.execute(text("ALTER TABLE elsewhere RENAME TO processing_jobs"))
            session.commit()


def test_worker_names_the_request(used: Stack) -> None:
    one, other = str(uuid.uuid4()), str(uuid.uuid4())
    assert (detect(used, one), detect(used, other)) == (200, 200)
    for request_id in (one, other):
        used.until(lambda: events(used, "worker", request_id) == ["task_finished"])  # noqa: B023 - called at once
        assert events(used, "serve", request_id) == ["request_finished"]


def test_defect_of_ours_is_logged_once(used: Stack) -> None:
    request_id = str(uuid.uuid4())
    with without_table(used):
        assert images(used, request_id) == 500
    failed, finished = lines(used, "serve", request_id)
    assert (failed["event"], finished["event"]) == ("request_failed", "request_finished")
    assert "processing_jobs" in failed["exception"]


def test_outage_is_logged_once_with_its_cause(used: Stack) -> None:
    request_id = str(uuid.uuid4())
    used.stop_redis()
    assert detect(used, request_id) == 503
    assert sorted(events(used, "serve", request_id))[-2:] == ["request_finished", "request_not_served"]
    (told,) = [line for line in lines(used, "serve", request_id) if line["event"] == "request_not_served"]
    assert told["reason"].startswith("EngineUnavailable: the queue can't be reached; ConnectionError: ")
