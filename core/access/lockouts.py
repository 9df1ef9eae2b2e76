"""Whoever fails to log in too often is blocked for a while.

`limits` can't count this: its windows start at the first failure, not at the one that blocks, and a success doesn't
reset them within the same step.
"""

import threading
import time
from collections import Counter, OrderedDict
from dataclasses import dataclass
from typing import TypeVar

import limits
import redis

from core.errors import RateLimited, Unauthenticated
from core.observability import logs

MAX_FAILURES = 10
BLOCKED_S = 15 * 60
FAILURE_EXPIRY_S = 86400  # chosen: failures that are further apart don't count as consecutive
KNOWN_S = 30 * 86400  # chosen: scripts that run once a month stay known
MAX_SOURCES = 10_000  # chosen: what a process remembers without Redis stays under a few MB
NAMESPACE = "face-api:failed-logins:"
TOTAL = NAMESPACE + "all"
KNOWN = "face-api:login-known:"

# Atomic, so that parallel attempts can't slip past the count. Returns for how many seconds the source is blocked,
# 0 for a success, -1 for a failure; with correct = '?' nothing is counted. KEYS: the failures of the source by account,
# those of all strangers, whether it is known for the account.
ATTEMPT = """
local correct, account, known, limit, blocked_s, expiry_s, total_limit, total_s, known_s = unpack(ARGV)
local failures = 0
for _, of_account in ipairs(redis.call('HVALS', KEYS[1])) do failures = failures + tonumber(of_account) end
if failures >= tonumber(limit) then return math.max(redis.call('TTL', KEYS[1]), 1) end
local stranger = known == '0' and redis.call('EXISTS', KEYS[3]) == 0
if stranger and tonumber(redis.call('GET', KEYS[2]) or '0') >= tonumber(total_limit) then
    return math.max(redis.call('TTL', KEYS[2]), 1)
end
if correct == '?' then return 0 end
if correct == '1' then
    redis.call('HDEL', KEYS[1], account)
    redis.call('SET', KEYS[3], '1', 'EX', known_s)
    return 0
end
redis.call('HINCRBY', KEYS[1], account, 1)
redis.call('EXPIRE', KEYS[1], failures + 1 >= tonumber(limit) and blocked_s or expiry_s)
if stranger and redis.call('INCR', KEYS[2]) == 1 then redis.call('EXPIRE', KEYS[2], total_s) end
return -1
"""
Key = TypeVar("Key")
Value = TypeVar("Value")
log = logs.get(__name__)


@dataclass(frozen=True)
class LoginSource:
    """Whose attempts are counted together. account: which they are at; whoever has one may not guess at another's.

    is_known: it has logged in to this account before, whatever Redis remembers.
    """

    name: str
    account: str = ""
    is_known: bool = False


class Lockout:
    """Counts the consecutive failures of each source, in Redis for all processes together.

    A success makes up for failures at the same account alone. All strangers together have a limit, too, so that many
    addresses are no way around. While Redis is down each process counts by itself: ten guesses too many are better than
    any number of them.
    """

    def __init__(self, client: "redis.Redis", total_rate: str) -> None:
        self._script = client.register_script(ATTEMPT)
        self._total = limits.parse(total_rate)
        self._fallback = _ProcessLockout(self._total)

    def count(self, source: LoginSource, *, correct: bool) -> None:
        """Count an attempt: RateLimited while the source is blocked, whatever it sent; Unauthenticated when wrong."""
        if self._attempt(source, correct=correct) < 0:
            raise Unauthenticated("the user name or the password is wrong")

    def require_free(self, source: LoginSource) -> None:
        """Raise RateLimited while the source is blocked; count nothing. Before what costs more than this."""
        self._attempt(source, correct=None)

    def _attempt(self, source: LoginSource, *, correct: bool | None) -> int:
        outcome = self._outcome(source, correct=correct)
        if outcome > 0:
            raise RateLimited("too many failed logins", retry_after_s=outcome)
        return outcome

    def _outcome(self, source: LoginSource, *, correct: bool | None) -> int:
        try:
            keys = [NAMESPACE + source.name, TOTAL, f"{KNOWN}{source.name} {source.account}"]
            told = "?" if correct is None else int(correct)
            of_source = (told, source.account, int(source.is_known), MAX_FAILURES, BLOCKED_S, FAILURE_EXPIRY_S)
            of_all = (self._total.amount, self._total.get_expiry(), KNOWN_S)
            return int(self._script(keys=keys, args=[*of_source, *of_all]))
        except redis.RedisError as error:
            log.warning("lockout_fallback_used", reason=type(error).__name__)
            return self._fallback.attempt(source, correct=correct)


def unlock(client: "redis.Redis") -> int:
    """Forget all failures; return how many addresses, browsers and accounts with codes had some."""
    names = [name for name in client.scan_iter(NAMESPACE + "*", count=1000) if name != TOTAL.encode()]
    client.delete(TOTAL, *names)
    return len(names)


class _ProcessLockout:
    """The same as ATTEMPT, in this process alone."""

    def __init__(self, total: limits.RateLimitItem) -> None:
        self._total = total
        self._lock = threading.Lock()
        self._failures: OrderedDict[str, tuple[Counter[str], float]] = OrderedDict()  # by account; when they expire
        self._of_strangers = 0, 0.0
        self._known: OrderedDict[LoginSource, None] = OrderedDict()

    def attempt(self, source: LoginSource, *, correct: bool | None) -> int:
        with self._lock:
            now = time.monotonic()
            failures, expires_at = self._failures.get(source.name, (Counter[str](), 0.0))
            failures = failures if expires_at > now else Counter[str]()
            if failures.total() >= MAX_FAILURES:
                return int(expires_at - now) + 1
            stranger = not source.is_known and source not in self._known
            total, total_expires_at = self._of_strangers
            if total_expires_at <= now:
                total, total_expires_at = 0, now + self._total.get_expiry()
            if stranger and total >= self._total.amount:
                return int(total_expires_at - now) + 1
            if correct is None:
                return 0
            if correct:
                failures.pop(source.account, None)
                _remember(self._known, source, None)
                return 0
            failures[source.account] += 1
            expiry_s = BLOCKED_S if failures.total() >= MAX_FAILURES else FAILURE_EXPIRY_S
            _remember(self._failures, source.name, (failures, now + expiry_s))
            self._of_strangers = total + stranger, total_expires_at
            return -1


def _remember(entries: OrderedDict[Key, Value], key: Key, value: Value) -> None:
    """Make an entry the newest; the oldest gives way when there are too many."""
    entries[key] = value
    entries.move_to_end(key)
    if len(entries) > MAX_SOURCES:
        entries.popitem(last=False)
