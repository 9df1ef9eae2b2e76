"""Who may wait: a call is refused at once when it would wait longer than it may, or when too many wait.

Workers tell how long each kind of work occupies a process lately: a task, a detail, and a file that is small, medium or
large. The sum over the calls in flight, shared out among the processes that live, is what the next one has to wait.
What is refused is told when there will be room for it: later for each, because all of them come back.
"""

import math
import secrets
import time
from contextlib import suppress

import redis

from core.config import Settings
from core.engine import protocol
from core.engine.outages import RETRY_AFTER_S, translated
from core.engine.protocol import EXPIRY_MARGIN_S
from core.errors import EngineUnavailable, QueueFull

# So long a place is kept for a picture that is on its way; what takes longer is judged again when it has come.
# chosen: nearly every picture comes within it, and whoever sends slowly must not keep others out
RESERVED_S = 3.0
# A body so small has mostly come with its head: it is judged once it is there, with one question to Redis less. Not for
# a while after a call was refused, so that no bodies are read for nothing.
# chosen: most photographs of a megapixel; about as long as whoever is refused is sent away for
SMALL_BYTES, CALM_S = 256 * 1024, 5.0
# Until the first call of its kind was measured; in seconds of a process with a CPU of its own.
# measured: photographs of 1 to 12 megapixels with SCRFD 10G on a server's CPU take 0.1 to 0.3, 0.3 to 1.5, 1 to 6 s
FIRST_COSTS_S = {"fast": 0.2, "balanced": 0.7, "thorough": 2.0}
OTHER_COST_S = 0.2
# By size, so that a few large pictures don't have small ones refused. Bytes, as they are known before the picture is.
# chosen: JPEGs of about 4 and 16 megapixels
SIZES = ((2**20, "small"), (4 * 2**20, "medium"), (math.inf, "large"))
WEIGHT = 0.2  # chosen: of the newest in the average; after ten calls nine tenths are of the present
COSTS_TTL_S = 86400
HOPELESS = 1.5  # chosen: how many times longer a call would wait than it can, before it is sent away

NO_ENGINE, FULL, UNBEGUN, ADMITTED = b"no engine", b"full", b"unbegun", b"admitted"
# What calls cost that are in flight; and when one that is refused is to come again, later than all before it.
COSTS = (
    protocol.NOW
    + """
local waiting, reserved, costs, processes, returns = unpack(KEYS)
local costs_by_work = {}
local known = redis.call('HGETALL', costs)
for i = 1, #known, 2 do costs_by_work[known[i]] = tonumber(known[i + 1]) end
local count, work_ahead = 0, 0
local function add(key, unknown)
  for _, other in ipairs(redis.call('ZRANGE', key, 0, -1)) do
    count = count + 1
    work_ahead = work_ahead + math.abs(costs_by_work[string.match(other, '^(.*):')] or unknown)
  end
end
local places = math.max(1, redis.call('ZCOUNT', processes, now, '+inf'))
local function come_again(room_in, own, most)
  local last = tonumber(redis.call('GET', returns) or 0)
  local wait = math.min(math.max(room_in, last + own / places - now), room_in + most)
  redis.call('SET', returns, string.format('%.3f', now + wait), 'PX', math.ceil(wait * 1000) + 1)
  return tostring(wait)
end
"""
)
# With a message a call is put into the queue; without one, a place is reserved for it until its picture is there.
ADMIT = (
    COSTS
    + """
local status, queue = KEYS[6], KEYS[7]
local name, work, message = ARGV[1], ARGV[2], ARGV[3]
local first_cost, timeout, limit, life = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
if redis.call('EXISTS', status) == 0 then return {'no engine'} end
redis.call('ZREMRANGEBYSCORE', waiting, '-inf', now)
redis.call('ZREMRANGEBYSCORE', reserved, '-inf', now)
local queued = redis.call('ZSCORE', waiting, name)  -- a client that had no reply asks again
if not queued and redis.call('ZREM', reserved, name) == 0 then
  if not costs_by_work[work] then
    costs_by_work[work] = -first_cost  -- below 0: not measured
    redis.call('HSET', costs, work, -first_cost)
  end
  add(waiting, first_cost)
  add(reserved, first_cost)
  local wait, own = work_ahead / places, math.abs(costs_by_work[work])
  -- An empty queue takes whatever comes: it is not the wait that is too long.
  local late, full = count > 0 and wait + own - timeout or 0, count - limit + 1
  if late > 0 or full > 0 then
    local room_in = math.max(late, full > 0 and full * wait / count or 0)
    return {full > 0 and 'full' or 'late', come_again(room_in, own, timeout), tostring(wait)}
  end
end
redis.call('ZADD', message == '' and reserved or waiting, now + life, name)
redis.call('EXPIRE', message == '' and reserved or waiting, math.ceil(life) + ARGV[8])
if message ~= '' and not queued then redis.call('LPUSH', queue, message) end
return {'admitted'}
"""
)
# Whether a call in the queue will be late: where costs were not known, or have risen, more were admitted than can be
# answered. Only where the wait is too long by far, so that one costly call, which raises the average for a while, sends
# nobody away. Of its own work there is no doubt like that: begun too late, it would be for nothing.
RECHECK = (
    COSTS
    + """
local queue, message, work = KEYS[7], ARGV[1], ARGV[2]
local left, hopeless, timeout = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local own, place = costs_by_work[work], redis.call('LPOS', queue, message)
if not own or own < 0 or not place then return {'admitted'} end
add(waiting, own)
local length = redis.call('LLEN', queue)
local ahead = length - 1 - place + math.max(0, math.min(count - length, places)) / 2
local wait = ahead * work_ahead / math.max(1, count) / places
if ahead == 0 or wait / hopeless + own < left then return {'admitted'} end
return {'late', come_again(math.max(0, work_ahead / places + own - timeout), own, timeout), tostring(wait)}
"""
)
# When a call is to come again that no process had begun when its time was up. One that is alone has outlived its time
# like any other.
REFUSE = (
    COSTS
    + """
local own, timeout = math.abs(costs_by_work[ARGV[1]] or 0), tonumber(ARGV[2])
add(waiting, own)
if count <= 1 then return {'admitted'} end
if redis.call('ZCOUNT', processes, now, '+inf') == 0 then return {'no engine'} end
local others = work_ahead - own
return {'unbegun', come_again(math.max(0, others / places + own - timeout), own, timeout)}
"""
)
# Of a call that has ended: its place is free. With a time, that is what it cost.
END = """
redis.call('ZREM', KEYS[1], ARGV[1])
if ARGV[3] ~= '' then
  local before = tonumber(redis.call('HGET', KEYS[2], ARGV[2]) or -1)
  local cost = before < 0 and tonumber(ARGV[3]) or before + ARGV[4] * (ARGV[3] - before)
  redis.call('HSET', KEYS[2], ARGV[2], string.format('%.4f', cost))
  redis.call('EXPIRE', KEYS[2], ARGV[5])
end
"""


def new_name(task: str, detail: str, size_bytes: int = 0) -> str:
    """Make up a name for a call: with its work in it, so that every server and worker knows what it costs."""
    size = next(name for below, name in SIZES if size_bytes < below)
    return f"{task}.{detail}.{size}:{secrets.token_hex(12)}"


def work_of(name: str) -> str:
    """Return the work that a call's name tells: its task, its detail and its size."""
    return name.rpartition(":")[0]


def end_arguments(name: str, cost_s: float | None) -> tuple[list[str], list[str | float]]:
    """Return the keys and arguments of END."""
    cost = "" if cost_s is None else f"{cost_s:.4f}"
    return [protocol.WAITING, protocol.COSTS], [name, work_of(name), cost, WEIGHT, COSTS_TTL_S]


class Admission:
    """Asks the first Redis for a place, and gives it back."""

    def __init__(self, settings: Settings, client: "redis.Redis") -> None:
        self._redis = client
        self._limit, self._timeout_s = settings.queue_limit, settings.job_timeout_s
        self._admit = client.register_script(ADMIT)
        self._recheck = client.register_script(RECHECK)
        self._refuse = client.register_script(REFUSE)
        self._end = client.register_script(END)
        self._refused_at = -math.inf  # by time.monotonic()

    def reserve(self, task: str, detail: str, size_bytes: int) -> str:
        """Keep a place for a call whose picture is still to be received; return its name. QueueFull.

        Where there is no Redis or no worker, its own turn will tell: what else is wrong with the call comes first.
        """
        name = new_name(task, detail, size_bytes)
        if 0 < size_bytes <= SMALL_BYTES and time.monotonic() - self._refused_at > CALM_S:
            return name
        with translated(), suppress(redis.ConnectionError):
            outcome = self._admit(keys=self._keys(), args=self._args(name, "", RESERVED_S))
            if outcome[0] != NO_ENGINE:
                self._check(outcome)
        return name

    def release(self, name: str) -> None:
        """Give back a place that was reserved, if it still is: the picture will not come."""
        with suppress(redis.RedisError):  # it lapses by itself
            self._redis.zrem(protocol.RESERVED, name)

    def enter(self, name: str, message: str, steps: "redis.client.Pipeline") -> None:
        """Put a call into the queue, after the steps of a pipeline; QueueFull, EngineUnavailable."""
        keys, args = self._keys(), self._args(name, message, self._timeout_s)
        steps.evalsha(self._admit.sha, len(keys), *keys, *args)
        *replies, outcome = steps.execute(raise_on_error=False)
        if isinstance(outcome, redis.exceptions.NoScriptError):  # the first call, or Redis has started again
            outcome = self._admit(keys=keys, args=args)
        for reply in (*replies, outcome):
            if isinstance(reply, redis.RedisError):
                raise reply
        self._check(outcome)

    def recheck(self, name: str, message: str, left_s: float) -> None:
        """Send away a call that is still in the queue and will be late by far; QueueFull. left_s: until it gives up."""
        args: list[str | float] = [message, work_of(name), left_s, HOPELESS, self._timeout_s]
        self._check(self._recheck(keys=self._keys(), args=args))

    def refuse_unbegun(self, name: str) -> None:
        """Send away a call whose turn did not come because of others; QueueFull, or EngineUnavailable if nobody works.

        A call that is alone in the queue stays: it is not others that it waited for.
        """
        self._check(self._refuse(keys=self._keys(), args=[work_of(name), self._timeout_s]))

    def end(self, name: str, cost_s: float | None = None) -> None:
        """Free a call's place. cost_s: how long it occupied a process, where that tells something of others."""
        keys, args = end_arguments(name, cost_s)
        self._end(keys=keys, args=args)

    def _keys(self) -> list[str]:
        calls = [protocol.WAITING, protocol.RESERVED, protocol.COSTS, protocol.PROCESSES, protocol.RETURNS]
        return [*calls, protocol.WORKER_STATUS, protocol.INTERACTIVE]

    def _args(self, name: str, message: str, life_s: float) -> list[str | float]:
        work = work_of(name)
        detail = work.partition(".")[2].partition(".")[0]
        first = FIRST_COSTS_S.get(detail, OTHER_COST_S)
        return [name, work, message, first, self._timeout_s, self._limit, life_s, EXPIRY_MARGIN_S]

    def _check(self, outcome: list[bytes]) -> None:
        """Raise what a reply of ADMIT, RECHECK or REFUSE says."""
        if outcome[0] == ADMITTED:
            return
        if outcome[0] == NO_ENGINE:
            raise EngineUnavailable("no worker is ready", retry_after_s=RETRY_AFTER_S)
        self._refused_at = time.monotonic()
        retry_after_s = max(1, math.ceil(float(outcome[1])))
        if outcome[0] == FULL:
            raise QueueFull(f"{self._limit} calls are waiting already", retry_after_s=retry_after_s)
        if outcome[0] == UNBEGUN:
            raise QueueFull(f"its turn did not come within {self._timeout_s:g} s", retry_after_s=retry_after_s)
        wait, most = f"{float(outcome[2]):.0f} s", f"{self._timeout_s:g} s"
        detail = f"the wait would be {wait}, and with the work itself longer than the {most} of a call"
        raise QueueFull(detail, retry_after_s=retry_after_s)
