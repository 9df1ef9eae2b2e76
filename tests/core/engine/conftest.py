"""An empty Redis for each test of the engine's side and the caller's."""

from collections.abc import Iterator

import pytest
import redis


@pytest.fixture
def connection(valkey: str) -> Iterator["redis.Redis"]:
    connection = redis.Redis.from_url(valkey)
    connection.flushall()
    yield connection
    connection.close()
