"""The Redis servers that share the bytes of calls: a picture and its answer lie on the one that the token names."""

import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import redis

from core.engine.protocol import PendingCall
from core.errors import EngineUnavailable

# So long new calls avoid a server that could not be reached; then one of them tries it.
AVOIDED_S = 5.0  # chosen: a try may take the time-out of a connection, 2 s, and should stay the exception


class Shards:
    """The servers in the order of FACE_API_REDIS_URL, which every process has to share."""

    def __init__(self, clients: "Sequence[redis.Redis]") -> None:
        self._clients = tuple(clients)
        self._avoided: dict[int, float] = {}  # until when, by time.monotonic()

    def candidates(self) -> list[int]:
        """Return where a new call may go: a server by chance, then another one in case it can't be reached."""
        now = time.monotonic()
        shuffled = random.sample(range(len(self._clients)), len(self._clients))
        first, *others = sorted(shuffled, key=lambda shard: self._avoided.get(shard, now) > now)
        if first in self._avoided:
            self._avoided[first] = now + AVOIDED_S  # this call tries it, the others wait for what it finds
        return [first, *others[:1]]

    @contextmanager
    def server(self, call: PendingCall) -> "Iterator[redis.Redis]":
        """Lend the server of a call; new calls avoid it for a while when it fails."""
        if call.shard >= len(self._clients):
            raise EngineUnavailable("this process knows fewer Redis servers than the one that sent the call")
        try:
            yield self._clients[call.shard]
        except redis.RedisError:
            self._avoided[call.shard] = time.monotonic() + AVOIDED_S
            raise
        self._avoided.pop(call.shard, None)

    def ready(self) -> bool:
        """Whether every server answers."""
        try:
            return all(client.ping() for client in self._clients)
        except redis.RedisError:
            return False
