"""Servers whose machine is gone without a word: every connection to one is watched by the system, at both ends."""

import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from core import config, services
from core.database import engine
from core.system import sockets
from tests.http_servers import serving
from tests.ports import free_port
from tests.postgres import Postgres
from tests.stack import start_valkey
from worker import transport


class Bucket(BaseHTTPRequestHandler):
    """An S3 server as far as that a bucket is there, over a connection that is kept."""

    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def bucket_port() -> Iterator[int]:
    with serving(Bucket) as server:
        yield server.server_port


@pytest.fixture(scope="module")
def redis_port() -> Iterator[int]:
    """Run a Valkey that nothing else in this process is connected to, but for what is asked here."""
    port = free_port()
    process = start_valkey(port)
    yield port
    process.kill()
    process.wait()


def to_port(port: int) -> list[dict[int, int]]:
    """Return TCP's options of each connection that this process has to a port."""
    found = []
    for path in Path("/proc/self/fd").iterdir():
        with suppress(OSError), socket.socket(fileno=os.dup(int(path.name))) as one:
            if one.getpeername()[1] == port:
                assert one.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
                found.append({option: one.getsockopt(socket.IPPROTO_TCP, option) for option in sockets.keepalive()})
    return found


def assert_watched(port: int) -> None:
    options = to_port(port)
    assert options, "there is no connection"
    assert all(one == sockets.keepalive() for one in options)


def test_connections_to_redis_are_watched(redis_port: int) -> None:
    made = services.build(
        config.read(redis_url=f"redis://127.0.0.1:{redis_port}/0", database_enabled=False, api_key_enabled=False)
    )
    for client in (made.redis, made.auth_redis):
        client.ping()
        assert_watched(redis_port)
        client.close()
    made.close()


def test_connections_to_the_queue_are_watched(redis_port: int) -> None:
    app = transport.celery_app(config.read(redis_url=f"redis://127.0.0.1:{redis_port}/0"))
    with app.connection_for_read() as broker:
        broker.connect()
        with broker.SimpleQueue("interactive") as queue:
            queue.put("work")
            assert_watched(redis_port)
            queue.clear()


def test_connections_to_s3_are_watched(bucket_port: int) -> None:
    values = {"s3_endpoint": f"http://127.0.0.1:{bucket_port}", "s3_access_key": "a", "s3_secret_key": "b"}
    store = services.object_store(config.read(**values))
    assert store
    assert store.ready()
    assert_watched(bucket_port)


def test_connections_to_postgres_are_watched_at_both_ends(postgres_server: Postgres) -> None:
    made = engine.create(config.read(database_url=postgres_server.url("postgres")))
    with made.connect() as connection:
        assert_watched(postgres_server.port)
        names = {
            "tcp_keepalives_idle": "4",
            "tcp_keepalives_interval": "1",
            "tcp_keepalives_count": "4",
            "tcp_user_timeout": "8000",
        }
        # Changed by the session, and for good: they outlive a transaction that is rolled back.
        connection.rollback()
        assert {name: connection.scalar(text(f"SHOW {name}")) for name in names} == names
    made.dispose()
