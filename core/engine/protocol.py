"""What lies in Redis while a call is in flight: the keys, for how long, and the scripts that change several at once.

The first server holds who waits and what workers say; the one that a call's token names holds its picture and answer.
A script never spans the two. Those of admission, heartbeats and leases stand in the modules of these names.
"""

from dataclasses import dataclass
from typing import Self

NAMESPACE = "face-api:"
WAITING = NAMESPACE + "waiting"  # sorted set: the names of calls in flight, by the time when they give up
RESERVED = NAMESPACE + "reserved"  # sorted set: calls whose pictures are on their way, by the time when places lapse
COSTS = NAMESPACE + "costs"  # hash: how long a call occupies a process lately, in seconds, by its work
RETURNS = NAMESPACE + "returns"  # when the last of those that were refused is to come again
PROCESSES = NAMESPACE + "processes"  # sorted set: the processes that work, by the time when each counts as dead
WORKER_STATUS = NAMESPACE + "worker"  # what a worker published last; gone when none has for a while
WORKER_STATUS_TTL_S = 20
COUNTERS = NAMESPACE + "counters"
UNSAVED = "unsaved_results"
INTERACTIVE, BATCHES, MAINTENANCE = "interactive", "batch", "maintenance"  # the queues: Redis has a list of each
FIRST = 0  # the place of the server that holds what is not of one call
# The bytes outlive the call by this much, so that the worker never loses them to a race.
EXPIRY_MARGIN_S = 5

# How scripts begin that compare moments: the server's clock is the one that all machines share.
NOW = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
"""
# Only while the caller still waits: nobody would take the answer away. Its keys and arguments are the last ones, so
# that another script can stand before it.
ANSWER = """
local upload, answer, lease = unpack(KEYS, #KEYS - 2)
if redis.call('DEL', upload) == 0 then return end
redis.call('DEL', lease)
redis.call('RPUSH', answer, ARGV[#ARGV - 1])
redis.call('EXPIRE', answer, ARGV[#ARGV])
"""
# The same, then takes the message that waits longest, if one does; the queue is the third key.
ANSWER_AND_TAKE = f"""
local function answer()
{ANSWER}
end
answer()
return redis.call('RPOP', KEYS[3])
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
    def lease(self) -> str:
        return f"{NAMESPACE}lease:{self.name}"

    @property
    def keys(self) -> list[str]:
        """All that lies in its server for it, in the order that ANSWER takes."""
        return [self.upload, self.answer, self.lease]
