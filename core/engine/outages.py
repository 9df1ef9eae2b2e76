"""What a caller is told when Redis can't be reached."""

from collections.abc import Iterator
from contextlib import contextmanager

import redis

from core.errors import EngineUnavailable

RETRY_AFTER_S = 2  # chosen: a Redis or a worker that starts again takes that long at least


@contextmanager
def translated() -> Iterator[None]:
    """Turn the errors of Redis into EngineUnavailable."""
    try:
        yield
    except redis.RedisError as error:
        raise EngineUnavailable("the queue can't be reached", retry_after_s=RETRY_AFTER_S) from error
