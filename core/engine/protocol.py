"""What lies in Redis while a call is in flight: the keys, for how long, and the scripts that change several at once.

The first server holds who waits and what workers say; the one that a call's token names holds its picture and answer.
A script never spans the two.
"""

from dataclasses import dataclass
from typing import Self

NAMESPACE = "face-api:"
WAITING = NAMESPACE + "waiting"  # sorted set: the names of calls in flight, by the time when they give up
WORKER_STATUS = NAMESPACE + "worker"  # what a worker published last; gone when none has for a while
WORKER_STATUS_TTL_S = 20
COUNTERS = NAMESPACE + "counters"
UNSAVED = "unsaved_results"
FIRST = 0  # the place of the server that holds what is not of one call
# The bytes outlive the call by this much, so that the worker never loses them to a race.
EXPIRY_MARGIN_S = 5

NO_ENGINE, FULL = b"no engine", b"full"
ADMIT = """
if redis.call('EXISTS', KEYS[1]) == 0 then return 'no engine' end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', ARGV[1])
local known = redis.call('ZSCORE', KEYS[2], ARGV[4])  -- a client that had no reply asks again
if not known and redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[3]) then return 'full' end
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[4])
redis.call('EXPIRE', KEYS[2], ARGV[5])
if not known then redis.call('LPUSH', KEYS[3], ARGV[6]) end
return 'admitted'
"""
# Only while the caller still waits: nobody would take the answer away. Where the server is the first one, the call's
# place is given up in the same step, before the answer: whoever has it and calls again finds the place free.
ANSWER = """
if KEYS[3] then redis.call('ZREM', KEYS[3], ARGV[3]) end
if redis.call('DEL', KEYS[1]) == 0 then return end
redis.call('RPUSH', KEYS[2], ARGV[1])
redis.call('EXPIRE', KEYS[2], ARGV[2])
"""


@dataclass(frozen=True)
class PendingCall:
    """One call in flight: its name, the place of its server in the list, the keys of its picture and its answer."""

    name: str
    shard: int

    @classmethod
    def of(cls, token: str) -> Self:
        """Read a token. The place stands in it, so that a longer list still leads to what is in flight."""
        shard, _, name = token.rpartition("-")
        return cls(name, int(shard or 0))

    @property
    def token(self) -> str:
        """What the worker is sent."""
        return f"{self.shard}-{self.name}"

    @property
    def upload(self) -> str:
        return f"{NAMESPACE}upload:{self.name}"

    @property
    def answer(self) -> str:
        return f"{NAMESPACE}answer:{self.name}"

    @property
    def answer_keys(self) -> list[str]:
        """The keys of ANSWER."""
        return [self.upload, self.answer, *([WAITING] if self.shard == FIRST else [])]
