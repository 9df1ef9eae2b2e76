"""How often API keys are used: counted in each web process, collected in Redis, added to the table by maintenance.

What lies in Redis when that dies is lost: the uses of the seconds since the last run. A process that is killed takes
those of its last second along.
"""

import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import redis

from core.engine.client import NAMESPACE
from core.keys.keys import KeyUsage

COUNTS, MOMENTS = NAMESPACE + "key-uses", NAMESPACE + "key-last-used"
TAKEN = ":taken"
LOCK_S = 60
HANDED_ON_S = 1.0  # chosen: what a killed process may lose, and one round trip a second instead of one a call


class KeyUseCounter:
    """Counts uses in this process, and hands them on to Redis a moment later: once, whatever the number of calls.

    A Redis that is down costs the counts, never a call. The end of the process waits for the last of them.
    """

    def __init__(self, client: "redis.Redis") -> None:
        self._redis = client
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._moments: dict[str, float] = {}

    def note(self, key_id: str) -> None:
        """Count one use."""
        with self._lock:
            first = not self._counts
            self._counts[key_id] += 1
            self._moments[key_id] = time.time()
        if first:
            threading.Timer(HANDED_ON_S, self.hand_on).start()

    def hand_on(self) -> None:
        """Add what was counted to what lies in Redis."""
        with self._lock:
            counts, moments = self._counts, self._moments
            self._counts, self._moments = Counter(), {}
        with suppress(redis.RedisError), self._redis.pipeline(transaction=False) as steps:
            for key_id, count in counts.items():
                steps.hincrby(COUNTS, key_id, count)
                steps.hset(MOMENTS, key_id, str(moments[key_id]))
            steps.execute()


@contextmanager
def taken(client: "redis.Redis") -> Iterator[dict[uuid.UUID, KeyUsage]]:
    """Take what was collected; it is forgotten when the block ends well, and given again when it doesn't.

    Nothing is given to a second one meanwhile, which would count it twice. One that dies between the table's commit
    and the end of the block leaves its uses to be counted again.
    """
    lock = client.lock(COUNTS + ":lock", timeout=LOCK_S, blocking=False)
    if not lock.acquire():
        yield {}
        return
    try:
        yield from _taken(client)
    finally:
        with suppress(redis.exceptions.LockError):  # it has run out
            lock.release()


def _taken(client: "redis.Redis") -> Iterator[dict[uuid.UUID, KeyUsage]]:
    for name in (COUNTS, MOMENTS):
        # What an earlier run took and could not add goes first.
        if not client.exists(name + TAKEN):
            with suppress(redis.ResponseError):  # there is nothing to take
                client.rename(name, name + TAKEN)
    counts: Mapping[Any, Any] = client.hgetall(COUNTS + TAKEN)
    moments: Mapping[Any, Any] = client.hgetall(MOMENTS + TAKEN)
    yield {
        uuid.UUID(key.decode()): KeyUsage(int(count), datetime.fromtimestamp(float(moments.get(key, time.time())), UTC))
        for key, count in counts.items()
    }
    client.delete(COUNTS + TAKEN, MOMENTS + TAKEN)
