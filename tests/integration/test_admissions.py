"""What is refused before its body is read: the test plays the workers, and sends requests by the byte."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis
import requests

from core.engine import admission, protocol
from core.engine.heartbeats import BEAT_EVERY_S, Process, WorkerStatus
from tests.conftest import StartService
from tests.faults.callers import repeated
from tests.integration.test_engine import until
from tests.stack import Stack

MIB = 2**20
READY = WorkerStatus(model="fake", input_size=640, supports_landmarks=True)


@pytest.fixture(scope="module")
def alone(start_service: StartService) -> Stack:
    """A web tier with room for 2 MiB of bodies."""
    return start_service(programs=("serve",), FACE_API_BODY_MEMORY_BYTES=str(2 * MIB))


@pytest.fixture
def connection(alone: Stack) -> Iterator["redis.Redis"]:
    connection = redis.Redis.from_url(alone.redis_url)
    connection.delete(protocol.WAITING, protocol.RESERVED, protocol.COSTS, protocol.RETURNS)

    def beat() -> None:
        alone.services.engine.beat(Process("one.a"), READY)

    beat()
    with repeated(beat, BEAT_EVERY_S):
        yield connection
    connection.close()


@contextmanager
def begun(service: Stack, path: str, length: int, sent: bytes = b"") -> Iterator[socket.socket]:
    """Send the head of a request, and so much of its body."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nX-API-Key: {service.key}\r\n"
        f"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {length}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", service.port), timeout=120) as opened:
        opened.sendall(head.encode() + sent)
        yield opened


def answered(opened: socket.socket) -> tuple[int, int, str]:
    """Read an answer: its status, its Retry-After, its detail."""
    received = b""
    while b"}" not in received:
        received += opened.recv(65536) or pytest.fail(f"closed after {received!r}")
    head, _, body = received.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    after = [int(line.split(": ")[1]) for line in lines if line.lower().startswith("retry-after:")]
    return int(lines[0].split()[1]), sum(after), json.loads(body)["detail"]


def test_late_call_is_refused_unread(alone: Stack, connection: "redis.Redis") -> None:
    waiting = {admission.new_name("mask_image", "thorough", MIB): time.time() + 60 for _ in range(3)}
    alone.services.engine.admission.end(next(iter(waiting)), 10.0)
    connection.zadd(protocol.WAITING, waiting)
    with begun(alone, "/api/v1/mask?detail=thorough", MIB) as opened:
        status, after, detail = answered(opened)
    assert (status, after) == (503, 10)
    assert "the wait would be 30 s" in detail


def test_place_is_given_back_with_a_broken_body(alone: Stack, connection: "redis.Redis") -> None:
    answer = requests.post(f"{alone.url}/api/v1/detect", headers={"X-API-Key": alone.key}, data={}, timeout=120)
    assert answer.status_code == 422
    assert not connection.exists(protocol.RESERVED)


def test_bodies_beyond_the_memory_are_refused_unread(alone: Stack, connection: "redis.Redis") -> None:
    with begun(alone, "/api/v1/detect", MIB), begun(alone, "/api/v1/detect", MIB):
        until(lambda: connection.zcard(protocol.RESERVED) == 2)
        with begun(alone, "/api/v1/detect", MIB) as third:
            status, after, detail = answered(third)
    assert (status, after >= 1, detail) == (503, True, "too many pictures are being received already")

    def admitted() -> bool:  # when the two have been noticed to be gone
        with begun(alone, "/api/v1/detect", 2 * MIB) as opened:
            opened.shutdown(socket.SHUT_WR)
            return b" 503 " not in opened.recv(65536)[:20]

    until(admitted)


def test_largest_body_has_always_room(alone: Stack, connection: "redis.Redis") -> None:
    with begun(alone, "/api/v1/detect", 20 * MIB):
        until(lambda: connection.zcard(protocol.RESERVED) == 1)
