"""Rate limits with one round trip to Redis per request: the limiter would make two more for its headers."""

import threading
import time
from typing import Any

from flask import g
from limits.storage import MemoryStorage, RedisStorage
from redis import RedisError

from core.observability import logs

# The prefix of a storage URL that selects this storage; the rest is the URL of Redis.
SCHEME = "once+"
log = logs.get(__name__)


class SinglePassRedisStorage(RedisStorage):
    """Fixed windows. The count and the expiry that counting returned are remembered for the rest of the request.

    While Redis can't be reached each process counts by itself: a limit that is too generous is better than none. The
    limiter's own fallback is one switch for all requests, and those that find it turned under them would fail.
    """

    STORAGE_SCHEME = (SCHEME + "redis", SCHEME + "rediss", SCHEME + "unix")  # type: ignore[assignment]  # a list, there
    SCRIPT_INCR_EXPIRE = b"""
    local current = redis.call('INCRBY', KEYS[1], ARGV[2])
    if current == tonumber(ARGV[2]) then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
    return {current, redis.call('TTL', KEYS[1])}
    """

    def __init__(self, uri: str, **options: Any) -> None:
        super().__init__(uri.removeprefix(SCHEME), **options)
        self._fallback = MemoryStorage()
        self._fallback_lock = threading.Lock()  # its timer can't be started by two threads
        self._fell_back = False

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count a request; return how many there are in the window."""
        try:
            count, left_s = self.lua_incr_expire([self.prefixed_key(key)], [expiry, amount])
            g.window = key, int(count), time.time() + max(int(left_s), 0)
            self._fell_back = False
        except RedisError as error:
            if not self._fell_back:
                log.warning("rate_limit_fallback_used", reason=type(error).__name__)
            self._fell_back = True
            with self._fallback_lock:
                count = self._fallback.incr(key, expiry, amount)
                g.window = key, count, self._fallback.get_expiry(key)
        return int(count)

    def get(self, key: str) -> int:
        """Return how many requests there are in the window."""
        return g.window[1] if _is_known(key) else super().get(key)

    def get_expiry(self, key: str) -> float:
        """Return when the window ends."""
        return g.window[2] if _is_known(key) else super().get_expiry(key)


def _is_known(key: str) -> bool:
    return "window" in g and g.window[0] == key
