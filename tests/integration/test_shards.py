"""A service whose calls lie on two Redis, while one of them is killed and comes back."""

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
import requests

from tests.conftest import StartService
from tests.integration.test_engine import face, mask
from tests.ports import free_port
from tests.stack import Stack, start_valkey

CALLERS, CALLS = 4, 16


class Second:
    """The second Redis: bytes of calls alone."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        self.process = start_valkey(self.port)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def commands(self, *names: str) -> int:
        """How often it has run these commands."""
        with redis.Redis.from_url(self.url) as client:
            stats = client.info("commandstats")
        assert isinstance(stats, dict)
        return sum(stats.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in names)


@pytest.fixture
def second() -> Iterator[Second]:
    made = Second()
    yield made
    made.kill()


@pytest.fixture
def sharded(start_service: StartService, valkey: str, second: Second) -> Stack:
    redis.Redis.from_url(valkey).flushall()
    return start_service(
        FACE_API_REDIS_URL=f"{valkey},{second.url}", FACE_API_JOB_TIMEOUT_S="60", programs=("serve", "worker")
    )


def health(service: Stack) -> int:
    return requests.get(f"{service.url}/health", timeout=20).status_code


def answers(service: Stack, picture: bytes) -> list[requests.Response]:
    with ThreadPoolExecutor(CALLERS) as pool:
        return list(pool.map(lambda _: mask(service, picture), range(CALLS)))


def test_killed_server_takes_only_its_calls(sharded: Stack, second: Second, valkey: str) -> None:
    picture, killer = face(), threading.Timer(1.0, second.kill)
    assert {answer.status_code for answer in answers(sharded, picture)} == {200}
    assert second.commands("set") and second.commands("blpop")
    assert not second.commands("lpush", "brpop", "zadd")  # the queue

    killer.start()
    hit = [answer for _ in range(3) for answer in answers(sharded, picture)]
    killer.join()
    assert set(Counter(answer.status_code for answer in hit)) <= {200, 503, 504}
    assert {answer.headers["X-Face-Count"] for answer in hit if answer.status_code == 200} == {"1"}

    after = answers(sharded, picture)
    assert {answer.status_code for answer in after} == {200}
    sharded.until(lambda: health(sharded) == 503)
    assert '"task_failed"' not in sharded.log("worker")

    second.start()
    sharded.until(lambda: health(sharded) == 200)
    sharded.until(lambda: mask(sharded, picture).status_code == 200 and second.commands("set") > 0)
    with redis.Redis.from_url(valkey) as first:
        assert not [key for key in first.scan_iter("face-api:*:*") if b"upload" in key or b"answer" in key]
        assert not first.zcard("face-api:waiting")
