"""Which processes work: each says so every second, and who has said nothing for a while counts as dead.

A process is told from the others by a name that it makes up: `{worker}.{process}`. One with several threads takes as
many places as calls that it works on at a time.
"""

import secrets
from dataclasses import dataclass

import redis
from pydantic import BaseModel

from core.engine import protocol
from core.engine.loads import EngineLoad

BEAT_EVERY_S = 1.0
# chosen: of four heartbeats in a row none came through; a call waits so long for a worker that is dead
DEAD_AFTER_S = 4.0

BEAT = (
    protocol.NOW
    + """
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
for place = 1, tonumber(ARGV[2]) do redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[1] .. '/' .. place) end
if ARGV[4] ~= '' then redis.call('SET', KEYS[2], ARGV[4], 'EX', ARGV[5]) end
"""
)
LIVING = protocol.NOW + "return redis.call('ZRANGEBYSCORE', KEYS[1], now, '+inf')"


class WorkerStatus(BaseModel):
    """What a worker publishes about itself."""

    model: str
    input_size: int
    supports_landmarks: bool
    precision: str = "fp32"
    runtime: str = "onnxruntime"


@dataclass(frozen=True)
class Process:
    """A process that works. places: how many calls it works on at a time."""

    name: str
    places: int = 1


def new_name() -> str:
    """Make up a name for a worker, or for a process of one."""
    return secrets.token_hex(6)


class Heartbeats:
    """Says and reads who lives, by the clock of the first Redis."""

    def __init__(self, client: "redis.Redis") -> None:
        self._beat = client.register_script(BEAT)
        self._living = client.register_script(LIVING)

    def beat(self, process: Process, status: WorkerStatus | None) -> None:
        """Say that a process lives; with a status, also that its worker takes calls."""
        published = status.model_dump_json() if status else ""
        args: list[str | float] = [process.name, process.places, DEAD_AFTER_S, published, protocol.WORKER_STATUS_TTL_S]
        self._beat(keys=[protocol.PROCESSES, protocol.WORKER_STATUS], args=args)

    def load(self, calls: int) -> EngineLoad:
        """Return the load of so many calls, and of the workers and processes that live."""
        living = self._living(keys=[protocol.PROCESSES])
        return EngineLoad(calls, len({place.partition(b".")[0] for place in living}), len(living))
