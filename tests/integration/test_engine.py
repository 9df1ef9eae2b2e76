"""The engine as callers feel it: work that nobody waits for, processes that die, models that are missing."""

import socket
import time
from pathlib import Path

import cv2
import psutil
import pytest
import redis
import requests
import skimage.data

from core.engine import protocol
from tests.conftest import StartService
from tests.stack import PATIENCE_S, Stack


@pytest.fixture(scope="module")
def lone(start_service: StartService) -> Stack:
    """Return a service with one worker process."""
    return start_service(programs=("serve", "worker"))


def face() -> bytes:
    portrait = cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", portrait)[1].tobytes()


def until(what: object, within_s: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + within_s
    while not what():  # type: ignore[operator]  # a function
        assert time.monotonic() < deadline
        time.sleep(0.05)


def worker_child(service: Stack) -> psutil.Process:
    """Return the lone process of the worker's pool, waiting while it is replaced."""
    worker = psutil.Process(service.processes["worker"].pid)
    until(worker.children)
    return worker.children()[0]


def raw_request(service: Stack, picture: bytes) -> bytes:
    body = b'--b\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n' + picture + b"\r\n--b--\r\n"
    head = (
        f"POST /api/v1/detect HTTP/1.1\r\nHost: x\r\nX-API-Key: {service.key}\r\n"
        f"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def mask(service: Stack, picture: bytes) -> requests.Response:
    return requests.post(
        f"{service.url}/api/v1/mask",
        params={"format": "webp", "quality": "100"},
        files={"image": picture},
        headers={"X-API-Key": service.key},
        timeout=PATIENCE_S,
    )


def test_caller_that_hangs_up_is_dropped(lone: Stack) -> None:
    waiting = redis.Redis.from_url(lone.redis_url)
    lone.pause_worker()
    with socket.create_connection(("127.0.0.1", lone.port)) as connection:
        connection.sendall(raw_request(lone, face()))
        until(lambda: waiting.zcard(protocol.WAITING) == 1)
    until(lambda: waiting.zcard(protocol.WAITING) == 0)
    assert not list(waiting.scan_iter("face-api:upload:*"))
    lone.resume_worker()
    until(lambda: '"outcome": "dropped"' in lone.log("worker"))


def test_silent_clients_give_threads_back(start_service: StartService) -> None:
    service = start_service(FACE_API_WEB_THREADS="2", programs=("serve",))
    silent = [socket.create_connection(("127.0.0.1", service.port)) for _ in range(2)]
    for connection in silent:
        connection.sendall(b"G")
    assert requests.get(f"{service.url}/openapi/openapi.json", timeout=PATIENCE_S).status_code == 200
    for connection in silent:
        connection.close()


def test_worker_refuses_missing_model(start_service: StartService, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="face-api weights pull scrfd_10g"):
        start_service(
            FACE_API_MODEL="scrfd_10g", FACE_API_WEIGHTS_DIR=str(tmp_path), by_command=True, programs=("worker",)
        )


def test_other_runtime_runs_and_is_named(start_service: StartService) -> None:
    service = start_service(FACE_API_RUNTIME="openvino", programs=("serve", "worker"))
    assert requests.get(f"{service.url}/health", timeout=40).json()["runtime"] == "openvino"
    assert mask(service, face()).headers["X-Face-Count"] == "1"
    assert '"runtime": "openvino"' in service.log("worker") and "runtime_not_used" not in service.log("worker")
