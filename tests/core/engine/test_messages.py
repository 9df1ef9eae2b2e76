"""A call's message is what Celery itself would have written, where its worker looks."""

from typing import Any

import pytest
import redis
import structlog
from celery import Celery
from kombu import Connection, Queue

import celeryconfig
from core.engine import messages

OPTIONS = {"confidence": 0.5, "detail": "fast"}


@pytest.fixture
def connection(valkey: str) -> Any:
    connection = redis.Redis.from_url(valkey)
    connection.flushall()
    yield connection
    connection.close()


def received(valkey: str) -> Any:
    """Take a message as the worker does."""
    got: list[Any] = []
    with (
        Connection(valkey) as broker,
        broker.Consumer(Queue("interactive"), callbacks=[lambda _, message: got.append(message)]),
    ):
        broker.drain_events(timeout=60)
        (message,) = got
        message.ack()
        return message


def sent_by_celery(valkey: str) -> Any:
    app = Celery(broker=valkey)
    app.config_from_object("celeryconfig")
    app.send_task("detect_image", ("token", OPTIONS), task_id="token", queue="interactive", ignore_result=True)
    app.close()
    return received(valkey)


def sent_by_us(valkey: str, connection: "redis.Redis") -> Any:
    structlog.contextvars.clear_contextvars()  # a request that another test has left would go along
    connection.lpush("interactive", messages.write("detect_image", "interactive", "token", OPTIONS))
    return received(valkey)


def test_message_is_read_like_celerys(valkey: str, connection: "redis.Redis") -> None:
    theirs, ours = sent_by_celery(valkey), sent_by_us(valkey, connection)
    assert ours.payload == theirs.payload
    assert ours.delivery_info == theirs.delivery_info
    assert (ours.content_type, ours.content_encoding) == (theirs.content_type, theirs.content_encoding)
    assert ours.headers.pop(messages.SENT_AT) > 0  # for our own worker
    assert ours.headers.items() <= theirs.headers.items()


def test_message_leaves_out_only_what_says_nothing(valkey: str, connection: "redis.Redis") -> None:
    theirs, ours = sent_by_celery(valkey), sent_by_us(valkey, connection)
    missing = theirs.headers.keys() - ours.headers.keys()
    said = {name for name in missing if theirs.headers[name] not in (None, "{}", 0, {}, [None, None])}
    assert said == {"argsrepr", "origin"}  # both for people who read logs and events


def test_message_survives_being_given_back(valkey: str, connection: "redis.Redis") -> None:
    connection.lpush("interactive", messages.write("detect_image", "interactive", "token", OPTIONS))
    options = celeryconfig.broker_transport_options
    with Connection(valkey, transport_options=options) as broker, broker.SimpleQueue("interactive") as queue:
        queue.get(timeout=60).requeue()
    assert received(valkey).payload[0] == ["token", OPTIONS]
    assert connection.llen("interactive") == 0
