"""Rate limits, beside what HTTP shows of them."""

import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import redis
from flask import Flask
from flask_limiter import Limiter

from tests.ports import free_port
from web.auth.limiting import rate_limits

CALLERS, CALLS = 8, 4000


@pytest.fixture
def _hurried_threads() -> Iterator[None]:
    """Let threads take turns so often that each race is met."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)


@contextmanager
def limited_app(redis_url: str, rate: str) -> Iterator[Flask]:
    app = Flask(__name__)
    app.add_url_rule("/", "index", lambda: "fine")
    with redis.Redis.from_url(redis_url) as client:
        Limiter(
            key_func=lambda: "a caller",
            default_limits=[rate],
            storage_uri=rate_limits.SCHEME + redis_url,
            storage_options={"connection_pool": client.connection_pool},  # as the service does
            headers_enabled=True,
        ).init_app(app)
        yield app


@pytest.mark.usefixtures("_hurried_threads")
def test_parallel_requests_survive_without_redis() -> None:
    with (
        limited_app(f"redis://127.0.0.1:{free_port()}/0", f"{CALLS // 2}/hour") as app,
        ThreadPoolExecutor(CALLERS) as pool,
    ):
        responses = list(pool.map(lambda _: app.test_client().get("/"), range(CALLS)))
    assert Counter(response.status_code for response in responses) == {200: CALLS // 2, 429: CALLS // 2}
    assert {response.headers["X-RateLimit-Limit"] for response in responses} == {str(CALLS // 2)}
    assert min(int(response.headers["X-RateLimit-Remaining"]) for response in responses) == 0


def test_redis_counts_where_it_answers(valkey: str) -> None:
    with limited_app(valkey, "2/hour") as app:
        assert [app.test_client().get("/").status_code for _ in range(3)] == [200, 200, 429]
