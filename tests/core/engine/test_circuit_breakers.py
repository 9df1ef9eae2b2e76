"""The circuit breaker: a Redis that stalls costs one caller a time-out, and the others nothing."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
from redis.exceptions import ResponseError

from core import config, services
from core.engine.circuit_breakers import PAUSE_S, CircuitBreaker


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def ignore(_error: Exception) -> None:
    """What redis-py does with a failed connection: here there is none."""


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> CircuitBreaker:
    return CircuitBreaker(timer=clock)


def stall() -> str:
    raise redis.TimeoutError("Timeout reading from socket")


def attempts(breaker: CircuitBreaker, count: int) -> int:
    """How many of so many commands reached a server that stalls."""
    asked = 0

    def ask() -> str:
        nonlocal asked
        asked += 1
        return stall()

    for _ in range(count):
        with contextlib.suppress(redis.RedisError):
            breaker.call_with_retry(ask, ignore)
    return asked


def test_stalled_server_is_asked_once(breaker: CircuitBreaker) -> None:
    assert attempts(breaker, 50) == 1


def test_one_asks_again_after_the_pause(breaker: CircuitBreaker, clock: Clock) -> None:
    attempts(breaker, 1)
    clock.now += PAUSE_S
    assert attempts(breaker, 50) == 1
    clock.now += PAUSE_S
    assert breaker.call_with_retry(lambda: "PONG", ignore) == "PONG"
    assert breaker.call_with_retry(lambda: "PONG", ignore) == "PONG"


def test_others_do_not_wait_for_the_probe(breaker: CircuitBreaker, clock: Clock) -> None:
    attempts(breaker, 1)
    clock.now += PAUSE_S
    entered, answered = threading.Event(), threading.Event()

    def slow() -> str:
        entered.set()
        assert answered.wait(60)
        return "PONG"

    with ThreadPoolExecutor(1) as pool:
        probe = pool.submit(breaker.call_with_retry, slow, ignore)
        assert entered.wait(60)
        assert attempts(breaker, 8) == 0
        answered.set()
        assert probe.result(60) == "PONG"


def test_refusal_is_an_answer(breaker: CircuitBreaker) -> None:
    def refuse() -> str:
        raise ResponseError("WRONGTYPE")

    for _ in range(2):
        with pytest.raises(ResponseError):
            breaker.call_with_retry(refuse, ignore)


def test_ended_connection_is_made_again(breaker: CircuitBreaker) -> None:
    def end() -> str:
        raise redis.ConnectionError("Connection closed by server")

    with pytest.raises(redis.ConnectionError):
        breaker.call_with_retry(end, ignore)
    assert breaker.call_with_retry(lambda: "PONG", ignore) == "PONG"


def test_connection_alone_is_no_answer(breaker: CircuitBreaker) -> None:
    def connect_and_stall() -> str:
        breaker.call_with_retry(lambda: "connected", ignore)
        return stall()

    with pytest.raises(redis.TimeoutError):
        breaker.call_with_retry(connect_and_stall, ignore)
    assert attempts(breaker, 5) == 0


@pytest.fixture
def silent_server() -> Iterator[socket.socket]:
    """A server that takes connections and never says anything, as a stopped Redis does."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield server


def test_client_waits_once_for_a_silent_server(silent_server: socket.socket) -> None:
    client = redis.Redis(
        connection_pool=redis.ConnectionPool(
            port=silent_server.getsockname()[1], socket_timeout=0.2, retry=CircuitBreaker(pause_s=600)
        )
    )
    with ThreadPoolExecutor(8) as pool:
        failures = list(pool.map(lambda _: _failure(client), range(200)))
    assert sum(isinstance(failure, redis.TimeoutError) for failure in failures) <= 8
    assert sum(isinstance(failure, redis.ConnectionError) for failure in failures) >= 192
    client.close()


@pytest.mark.slow
def test_every_client_of_the_service_has_one(silent_server: socket.socket) -> None:
    built = services.build(config.read(redis_url=f"redis://127.0.0.1:{silent_server.getsockname()[1]}/0"))
    for client in (built.auth_redis, *built.shards):
        failures = [_failure(client) for _ in range(20)]
        assert [isinstance(failure, redis.TimeoutError) for failure in failures] == [True] + [False] * 19
    built.close()


def _failure(client: redis.Redis) -> Exception | None:
    try:
        client.get("key")
    except redis.RedisError as error:
        return error
    return None
