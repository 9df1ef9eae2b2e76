"""Rate limits with one round trip to Redis per request: the limiter would make two more for its headers."""

import time
from typing import Any

from flask import g
from flask_limiter import Limiter
from limits.storage import RedisStorage
from redis import RedisError

# The prefix of a storage URL that selects this storage; the rest is the URL of Redis.
SCHEME = "once+"


class SinglePassRedisStorage(RedisStorage):
    """Fixed windows. The count and the expiry that counting returned are remembered for the rest of the request."""

    STORAGE_SCHEME = (SCHEME + "redis", SCHEME + "rediss", SCHEME + "unix")  # type: ignore[assignment]  # a list, there
    SCRIPT_INCR_EXPIRE = b"""
    local current = redis.call('INCRBY', KEYS[1], ARGV[2])
    if current == tonumber(ARGV[2]) then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
    return {current, redis.call('TTL', KEYS[1])}
    """

    def __init__(self, uri: str, **options: Any) -> None:
        super().__init__(uri.removeprefix(SCHEME), **options)

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count a request; return how many there are in the window."""
        count, left_s = self.lua_incr_expire([self.prefixed_key(key)], [expiry, amount])
        g.window = key, int(count), time.time() + max(int(left_s), 0)
        return int(count)

    def get(self, key: str) -> int:
        """Return how many requests there are in the window."""
        return g.window[1] if _is_known(key) else super().get(key)

    def get_expiry(self, key: str) -> float:
        """Return when the window ends."""
        return g.window[2] if _is_known(key) else super().get_expiry(key)


class FallbackLimiter(Limiter):
    """Counts in memory while Redis is down, also for requests that find out together: all but one would fail."""

    def _check_request_limit(self, callable_name: str | None = None, in_middleware: bool = True) -> None:
        try:
            super()._check_request_limit(callable_name, in_middleware)
        except RedisError:  # another thread has switched to memory since this one began
            self.context.seen_limits.clear()
            super()._check_request_limit(callable_name, in_middleware)


def _is_known(key: str) -> bool:
    return "window" in g and g.window[0] == key
