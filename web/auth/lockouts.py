"""An address that fails to log in too often is blocked for a while.

`limits` can't count this: its windows start at the first failure, not at the one that blocks, and a success doesn't
reset them within the same step.
"""

import threading
import time
from collections import OrderedDict

import redis

from core import logs
from core.errors import RateLimited, Unauthenticated

MAX_FAILURES = 10
BLOCKED_S = 15 * 60
FAILURE_EXPIRY_S = 86400  # chosen: failures that are further apart don't count as consecutive
MAX_ADDRESSES = 10_000  # chosen: what a process remembers without Redis stays under a few MB
NAMESPACE = "face-api:login-failures:"

# Atomic, so that parallel attempts can't slip past the count. Returns for how many seconds the address is blocked,
# 0 for a success, -1 for a failure.
ATTEMPT = """
local failures = tonumber(redis.call('GET', KEYS[1]) or '0')
local limit = tonumber(ARGV[2])
if failures >= limit then return math.max(redis.call('TTL', KEYS[1]), 1) end
if ARGV[1] == '1' then redis.call('DEL', KEYS[1]) return 0 end
local expiry = failures + 1 >= limit and ARGV[3] or ARGV[4]
redis.call('SET', KEYS[1], failures + 1, 'EX', expiry)
return -1
"""
log = logs.get(__name__)


class Lockout:
    """Counts the consecutive failures of each address, in Redis for all processes together.

    While Redis is down each process counts by itself: ten guesses too many are better than any number of them.
    """

    def __init__(self, client: "redis.Redis") -> None:
        self._script = client.register_script(ATTEMPT)
        self._fallback = _ProcessLockout()

    def count(self, address: str, *, correct: bool) -> None:
        """Count an attempt: RateLimited while the address is blocked, whatever it sent; Unauthenticated when wrong."""
        outcome = self._attempt(address, correct=correct)
        if outcome > 0:
            raise RateLimited("too many failed logins from this address", retry_after_s=outcome)
        if outcome < 0:
            raise Unauthenticated("the user name or the password is wrong")

    def _attempt(self, address: str, *, correct: bool) -> int:
        try:
            args: list[str | float | bytes] = [int(correct), MAX_FAILURES, BLOCKED_S, FAILURE_EXPIRY_S]
            return int(self._script(keys=[NAMESPACE + address], args=args))
        except redis.RedisError as error:
            log.warning("lockout_fallback_used", reason=type(error).__name__)
            return self._fallback.attempt(address, correct=correct)


class _ProcessLockout:
    """The same as ATTEMPT, in this process alone."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()  # how many, and when they expire

    def attempt(self, address: str, *, correct: bool) -> int:
        with self._lock:
            failures, expires_at = self._failures.pop(address, (0, 0.0))
            left_s = expires_at - time.monotonic()
            if left_s <= 0:
                failures = 0
            if failures >= MAX_FAILURES:
                self._failures[address] = failures, expires_at
                return int(left_s) + 1
            if correct:
                return 0
            expiry_s = BLOCKED_S if failures + 1 >= MAX_FAILURES else FAILURE_EXPIRY_S
            self._failures[address] = failures + 1, time.monotonic() + expiry_s
            if len(self._failures) > MAX_ADDRESSES:
                self._failures.popitem(last=False)
            return -1
