"""A receiver on loopback, and batches that have something to tell it."""

import base64
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from core import config
from core.batches import lifecycle
from core.batches.lifecycle import NewBatch
from core.config import Settings
from core.contract.options import ResolvedMaskOptions
from core.database.engine import SessionFactory
from core.database.models import WebhookDelivery
from tests.http_servers import serving

EVERY_PORT = tuple(range(1, 65536))
SECRET = "whsec_" + base64.b64encode(b"a secret of 32 bytes or more, yes").decode()


@dataclass
class Receiver:
    """A receiver on loopback. statuses: of the next answers; then 204. got: path, headers and body of each call."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    got: list[tuple[str, dict[str, str], str]] = field(default_factory=list)
    before: Callable[[Any], object] = lambda _: None


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            made.got.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            made.before(self)
            self.send_response(made.statuses.pop(0) if made.statuses else 204)
            self.send_header("Location", f"{made.url}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self) -> None:
            made.got.append((self.path, {}, ""))

        def log_message(self, *_: Any) -> None:
            pass

    with serving(Handler) as server:
        made.url = f"http://127.0.0.1:{server.server_port}"
        yield made


@pytest.fixture
def settings() -> Settings:
    return config.read(webhook_secret=SECRET, webhook_allow_private=True, webhook_ports=EVERY_PORT)


def ended(sessions: SessionFactory, url: str | None, key_id: uuid.UUID | None = None) -> uuid.UUID:
    """Begin a batch and close it: without items it is completed then. key_id: of the key that has made it."""
    with sessions() as session:
        batch, _ = lifecycle.create(session, NewBatch("press", ResolvedMaskOptions(), url, api_key_id=key_id))
        lifecycle.close(session, batch.id)
    return batch.id


def all_deliveries(sessions: SessionFactory) -> list[WebhookDelivery]:
    with sessions() as session:
        return list(session.query(WebhookDelivery).order_by(WebhookDelivery.created_at))
