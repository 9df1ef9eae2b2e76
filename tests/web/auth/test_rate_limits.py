"""Rate limits, beside what HTTP shows of them."""

import threading
from concurrent.futures import ThreadPoolExecutor

from flask import Flask
from limits.storage import MemoryStorage
from redis import RedisError

from web.auth.rate_limits import FallbackLimiter

BOTH = threading.Barrier(2)


class DyingStorage(MemoryStorage):
    """A storage that two requests find unreachable at the same moment."""

    STORAGE_SCHEME = ("dying",)  # type: ignore[assignment]  # a list, there

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        BOTH.wait(timeout=10)
        raise RedisError("the connection is gone")

    def check(self) -> bool:
        return False


def test_parallel_requests_survive_the_end_of_redis() -> None:
    app = Flask(__name__)
    app.add_url_rule("/", "index", lambda: "fine")
    FallbackLimiter(
        key_func=lambda: "a caller",
        default_limits=["2/minute"],
        storage_uri="dying://",
        in_memory_fallback_enabled=True,
        headers_enabled=True,
    ).init_app(app)
    with ThreadPoolExecutor(2) as pool:
        responses = list(pool.map(lambda _: app.test_client().get("/"), range(2)))
    assert [response.status_code for response in responses] == [200, 200]
    assert {response.headers["X-RateLimit-Remaining"] for response in responses} <= {"0", "1"}
    assert app.test_client().get("/").status_code == 429
