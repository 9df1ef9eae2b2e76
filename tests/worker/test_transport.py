"""The worker's transport: kombu's own, but for the clients that it makes."""

import base64
import json
import os
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from kombu import Queue
from kombu.exceptions import OperationalError

import celeryconfig
from core import config, services
from tests.ports import free_port
from worker import transport
from worker.transport import LAST_RETRY_S, Transport


@pytest.fixture
def broker(valkey: str) -> Iterator[Any]:
    redis.Redis.from_url(valkey).flushall()
    app = transport.celery_app(config.read(redis_url=valkey))
    with app.connection_for_read() as broker:
        yield broker


def take(broker: Any, count: int) -> list[Any]:
    taken: list[Any] = []
    with broker.SimpleQueue("interactive") as queue:
        for number in range(count):
            queue.put({"number": number})
    with broker.Consumer(Queue("interactive"), callbacks=[lambda _, message: taken.append(message)]):
        while len(taken) < count:
            broker.drain_events(timeout=60)
    return taken


def test_taking_messages_makes_no_clients(broker: Any, valkey: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for message in take(broker, 1):
        message.ack()
    made: list[object] = []
    init = redis.Redis.__init__

    def counted(self: "redis.Redis", *args: Any, **values: Any) -> None:
        made.append(self)
        init(self, *args, **values)

    channel = broker.default_channel
    monkeypatch.setattr(redis.Redis, "__init__", counted)
    for _ in range(5):
        with channel.conn_or_acquire() as client:
            client.ping()
    assert not made


def test_taken_message_can_be_given_back(broker: Any, valkey: str) -> None:
    (message,) = take(broker, 1)
    connection = redis.Redis.from_url(valkey)
    assert connection.llen("interactive") == 0
    message.requeue()
    assert connection.llen("interactive") == 1


def test_messages_that_are_worked_on_are_given_back_at_the_end(broker: Any, valkey: str) -> None:
    first, _ = take(broker, 2)
    first.ack()
    broker.default_channel.close()
    connection = redis.Redis.from_url(valkey)
    (given_back,) = connection.lrange("interactive", 0, -1)
    assert json.loads(base64.b64decode(json.loads(given_back)["body"])) == {"number": 1}


def test_message_that_can_not_be_given_back_is_in_no_file(
    broker: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(broker, 2)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    tried: list[object] = []

    def lose(_: object, *values: object) -> None:
        tried.append(values)
        raise redis.ConnectionError("gone")

    monkeypatch.setattr(redis.Redis, "lpush", lose)
    broker.default_channel.close()
    assert len(tried) == 2
    assert not list(tmp_path.iterdir())


def test_taken_message_is_in_memory_alone(broker: Any, valkey: str) -> None:
    (message,) = take(broker, 1)
    connection = redis.Redis.from_url(valkey)
    kept: Any = connection.keys("*")
    assert not [key for key in kept if not key.startswith(b"_kombu.")]
    message.ack()


def test_client_is_another_after_a_fork(broker: Any) -> None:
    channel = broker.default_channel
    with channel.conn_or_acquire() as before:
        before.ping()
    channel._after_fork()
    with channel.conn_or_acquire() as after:
        assert after is not before
        assert after.ping()


def test_polling_keeps_its_own_connection(broker: Any) -> None:
    channel = broker.default_channel
    with channel.conn_or_acquire() as client:
        assert channel.client is not client


def test_worker_takes_this_transport(valkey: str) -> None:
    code = "from worker import app; print(app.app.connection().get_transport_cls().__module__)"
    env = os.environ | {"FACE_API_REDIS_URL": valkey}
    assert subprocess.check_output([sys.executable, "-c", code], env=env, text=True).strip() == "worker.transport"


def test_worker_is_soon_back_after_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("kombu.utils.functional.sleep", lambda _: None)
    app = transport.celery_app(config.read(redis_url=f"redis://127.0.0.1:{free_port()}/0"))
    with app.connection_for_read() as broker, pytest.raises(OperationalError):
        broker.ensure_connection(lambda _, wait_s: waits.append(wait_s), 20)
    assert len(waits) > 10 and max(waits) == LAST_RETRY_S


def test_worker_never_gives_up_an_outage() -> None:
    assert celeryconfig.broker_connection_max_retries is None


@pytest.mark.parametrize(
    ("options", "verify"),
    [
        ("", ssl.CERT_REQUIRED),
        ("?ssl_ca_certs=/etc/redis.pem", ssl.CERT_REQUIRED),
        ("?ssl_cert_reqs=optional", ssl.CERT_OPTIONAL),
        ("?ssl_check_hostname=false&ssl_cert_reqs=none", ssl.CERT_NONE),
    ],
)
def test_certificates_are_verified_unless_it_is_told_otherwise(options: str, verify: ssl.VerifyMode) -> None:
    settings = config.read(redis_url=f"rediss://127.0.0.1:1/0{options}", database_enabled=False, api_key_enabled=False)
    with transport.celery_app(settings).connection_for_read() as broker:
        assert isinstance(broker.ssl, dict) and broker.ssl["ssl_cert_reqs"] == verify
    connection: Any = services.build(settings).redis.connection_pool.make_connection()
    assert connection.cert_reqs == verify


def test_encrypted_connection_takes_this_transport_too() -> None:
    app = transport.celery_app(config.read(redis_url="rediss://127.0.0.1:1/0?ssl_cert_reqs=required"))
    with app.connection_for_read() as broker:
        assert broker.get_transport_cls() is Transport
        assert broker.ssl
