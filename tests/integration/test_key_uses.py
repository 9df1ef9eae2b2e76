"""The uses of API keys as a real web process counts them."""

import signal
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from core.access import keys
from tests import databases
from tests.stack import Stack, start_valkey


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Stack]:
    """A web process without a worker: calls without a picture need none."""
    made = Stack(tmp_path, {"FACE_API_MODEL": "centerface"})
    made.processes["redis"] = start_valkey(made.redis_port)
    databases.migrate(made.own_settings())
    made.launch("serve")
    made.until(lambda: answers(made))
    yield made
    made.stop()


def answers(web: Stack) -> bool:
    try:
        return httpx.get(f"{web.url}/health", timeout=2).is_server_error
    except httpx.TransportError:
        return False


def test_stopped_web_process_saves_last_uses(web: Stack) -> None:
    key_id, text = web.make_key("camera")
    for _ in range(3):
        assert httpx.post(f"{web.url}/api/v1/detect", headers={"X-API-Key": text}, timeout=30).status_code == 422
    web.processes["serve"].send_signal(signal.SIGTERM)
    web.processes["serve"].wait(120)
    with web.services.sessions() as session:  # type: ignore[misc]  # this database is on
        assert keys.get(session, uuid.UUID(key_id)).request_count == 3
