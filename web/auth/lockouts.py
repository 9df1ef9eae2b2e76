"""An address that fails to log in too often is shut out for a while."""

import threading
import time
from collections import OrderedDict

import redis

from core import logs
from core.errors import RateLimited, Unauthenticated

FAILURES = 10
BLOCKED_S = 15 * 60
REMEMBERED_S = 86400  # chosen: failures that are further apart don't count as consecutive
ADDRESSES = 10_000  # chosen: what a process remembers without Redis stays under a few MB
NAMESPACE = "face-api:login-failures:"

# One step, so that attempts at the same time can't slip past the count. Returns the seconds that the address is
# blocked for, 0 for a success, -1 for a failure.
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

    While Redis is down each process counts by itself: ten guesses too many beat any number of them.
    """

    def __init__(self, client: "redis.Redis") -> None:
        self._attempt = client.register_script(ATTEMPT)
        self._alone = _InProcess()

    def judge(self, address: str, *, right: bool) -> None:
        """Count an attempt: RateLimited while the address is blocked, whatever it sent; Unauthenticated when wrong."""
        outcome = self._judged(address, right=right)
        if outcome > 0:
            raise RateLimited("too many failed logins from this address", retry_after_s=outcome)
        if outcome < 0:
            raise Unauthenticated("the user name or the password is wrong")

    def _judged(self, address: str, *, right: bool) -> int:
        try:
            args: list[str | float | bytes] = [int(right), FAILURES, BLOCKED_S, REMEMBERED_S]
            return int(self._attempt(keys=[NAMESPACE + address], args=args))
        except redis.RedisError as error:
            log.warning("failed logins are counted in this process alone", reason=type(error).__name__)
            return self._alone.attempt(address, right=right)


class _InProcess:
    """ATTEMPT, for one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()  # their number, and when they are forgotten

    def attempt(self, address: str, *, right: bool) -> int:
        with self._lock:
            failures, forgotten = self._failures.pop(address, (0, 0.0))
            left_s = forgotten - time.monotonic()
            if left_s <= 0:
                failures = 0
            if failures >= FAILURES:
                self._failures[address] = failures, forgotten
                return int(left_s) + 1
            if right:
                return 0
            lasts_s = BLOCKED_S if failures + 1 >= FAILURES else REMEMBERED_S
            self._failures[address] = failures + 1, time.monotonic() + lasts_s
            if len(self._failures) > ADDRESSES:
                self._failures.popitem(last=False)
            return -1
