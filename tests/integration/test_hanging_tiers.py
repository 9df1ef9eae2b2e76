"""Health while what it asks about hangs: it never waits for that."""

import contextlib
import signal
from collections.abc import Iterator

import pytest
import requests

from core.engine.heartbeats import Process, WorkerStatus
from tests.conftest import StartService
from tests.stack import Stack

REDIS_TIMEOUT_S = 120  # instead of 2, so that a busy machine is not taken for one that waits for Redis
WITHIN_S = 40
TIMES = 5


@pytest.fixture(scope="module")
def web(start_service: StartService) -> Stack:
    url = f"{{redis}}?socket_timeout={REDIS_TIMEOUT_S}"
    return start_service(FACE_API_WEB_THREADS="2", FACE_API_REDIS_URL=url, programs=("serve",))


@contextlib.contextmanager
def hanging_redis(service: Stack) -> Iterator[None]:
    """Stop Redis: it takes connections, and answers none."""
    process = service.processes["redis"]
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


@pytest.mark.parametrize(("path", "status"), [("/health", 503), ("/health/ready", 503), ("/health/live", 200)])
def test_health_does_not_wait_for_redis(web: Stack, path: str, status: int) -> None:
    with hanging_redis(web):
        answers = [requests.get(web.url + path, timeout=WITHIN_S).status_code for _ in range(TIMES)]
    assert answers == [status] * TIMES


def test_health_is_well_when_redis_goes_on(web: Stack) -> None:
    with hanging_redis(web):
        assert requests.get(f"{web.url}/health/ready", timeout=WITHIN_S).json() == {"status": "degraded"}
    status = WorkerStatus(model="scrfd_2.5g", input_size=640, supports_landmarks=True)

    def is_ready() -> bool:
        web.services.engine.beat(Process("one.a"), status)
        return bool(requests.get(f"{web.url}/health/ready", timeout=WITHIN_S).json() == {"status": "ok"})

    web.until(is_ready)
    assert requests.get(f"{web.url}/health", timeout=WITHIN_S).json()["status"] == "ok"
