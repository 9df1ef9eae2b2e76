"""Connections to Redis: what is large has time to be sent, and for answers the time-out is as short as before."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from core import config, services
from core.engine import connections
from core.engine.connections import PicturesConnection, PicturesTlsConnection


class Mute(PicturesConnection):
    """One that greets no server."""

    def on_connect_check_health(self, check_health: bool = True) -> None:  # redis-py's own
        """Begin at once."""
        self._parser.on_connect(self)


TIMEOUT_S = 1.0  # chosen: a busy machine has read and answered within it
PAUSE_S = 1.5 * TIMEOUT_S
LARGE = b"\xff" * 20_000_000  # more than the system keeps for a server that does not read


@pytest.fixture
def slow_port() -> Iterator[int]:
    """Run a server that reads late, and answers each command once it has read a large value."""

    def serve() -> None:
        server.settimeout(30)
        client, _ = server.accept()
        client.settimeout(30)
        with client, contextlib.suppress(OSError):
            time.sleep(PAUSE_S)
            got = 0
            while got < len(LARGE) and (data := client.recv(2**20)):
                got += len(data)
            client.sendall(b"+OK\r\n")
            client.recv(2**20)
            client.recv(1)  # until the client has ended

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


@pytest.fixture
def client(slow_port: int) -> Iterator["redis.Redis"]:
    """Return a client whose connections say nothing before the first command."""
    pool = redis.ConnectionPool(
        connection_class=Mute, port=slow_port, socket_timeout=TIMEOUT_S, retry=Retry(NoBackoff(), 0)
    )
    made = redis.Redis(connection_pool=pool)
    yield made
    pool.disconnect()


def test_large_values_have_time(client: "redis.Redis", monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "BYTES_PER_S", len(LARGE) / 600)
    assert client.set("upload", LARGE)


def test_answers_of_large_values_do_not(client: "redis.Redis", monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "BYTES_PER_S", len(LARGE) / 600)
    client.set("upload", LARGE)
    with pytest.raises(redis.TimeoutError, match="reading"):
        client.get("upload")


def test_server_that_takes_nothing_is_given_up(client: "redis.Redis", monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "BYTES_PER_S", len(LARGE) * 1000)
    with pytest.raises(redis.TimeoutError, match="writing"):
        client.set("upload", LARGE)


def test_picture_goes_along_with_what_follows(valkey: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = list[int]()

    class Recorded(socket.socket):
        def sendall(self, data: bytes, *flags: int) -> None:  # type: ignore[override]  # bytes alone are sent
            sent.append(len(data))
            super().sendall(data, *flags)

    monkeypatch.setattr(socket, "socket", Recorded)
    with redis.Redis.from_url(valkey, connection_class=PicturesConnection) as client:
        client.ping()
        sent.clear()
        with client.pipeline(transaction=False) as steps:
            steps.set("upload", bytes(300_000))
            steps.get("upload")
            assert steps.execute() == [True, bytes(300_000)]
    assert len(sent) == 1 and sent[0] > 300_000


def test_clients_send_pictures_so() -> None:
    url = "redis://127.0.0.1:1,rediss://127.0.0.1:2"
    made = services.build(config.read(redis_url=url, database_enabled=False, api_key_enabled=False))
    classes = [one.connection_pool.connection_class for one in (*made.shards, made.auth_redis)]
    assert classes == [PicturesConnection, PicturesTlsConnection, PicturesConnection]
    made.close()
