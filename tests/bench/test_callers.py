"""The clients of the benches: what they send is a form, and what they read is the answer."""

from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler
from types import SimpleNamespace
from typing import Any, cast

import pytest
from werkzeug.formparser import parse_form_data

from tests.bench.callers import Client
from tests.http_servers import serving
from tests.stack import Stack

PICTURE = bytes(range(256)) * 1000
UNTOLD = b"end the connection without a word"


class Service(BaseHTTPRequestHandler):
    """Answers what it was sent; every third answer ends its connection."""

    protocol_version = "HTTP/1.1"
    calls: list[Any]

    def do_POST(self) -> None:
        length, kind = self.headers["Content-Length"], self.headers["Content-Type"]
        environ = {"wsgi.input": self.rfile, "CONTENT_LENGTH": length, "CONTENT_TYPE": kind, "REQUEST_METHOD": "POST"}
        with parse_form_data(environ)[2]["image"].stream as file:
            sent = file.read()
        self.calls.append((self.path, self.headers["X-API-Key"], kind, self.client_address))
        self.send_response(422 if len(self.calls) % 2 else 503)
        self.send_header("content-length", str(len(sent)))
        self.send_header("Connection", "keep-alive" if len(self.calls) % 3 else "close")
        self.end_headers()
        self.wfile.write(sent)
        self.close_connection |= sent == UNTOLD

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def client() -> Iterator[Client]:
    Service.calls = []
    with serving(Service) as server:
        stack = cast(Stack, SimpleNamespace(port=server.server_port, key="a key"))
        with closing(Client(stack, "/mask?detail=fast")) as made:
            yield made


def test_client_reads_status_and_body(client: Client) -> None:
    assert [client.request(PICTURE[:size]) for size in (256_000, 1)] == [(422, PICTURE), (503, PICTURE[:1])]
    assert [call[:2] for call in Service.calls] == [("/mask?detail=fast", "a key")] * 2
    assert client.send(PICTURE) and not client.send(PICTURE)


def test_client_keeps_its_connection_until_told(client: Client) -> None:
    for _ in range(5):
        client.request(PICTURE)
    peers = [call[3] for call in Service.calls]
    assert peers[0] == peers[1] == peers[2] != peers[3] == peers[4]
    assert len({call[2] for call in Service.calls}) == 5  # a boundary of its own for each


def test_client_says_when_service_is_gone(client: Client) -> None:
    assert client.request(UNTOLD)[1] == UNTOLD
    with pytest.raises(ConnectionError):
        client.request(PICTURE)
