"""How often API keys are used: collected in Redis at each call, added to the table by maintenance.

What lies in Redis when that dies is lost: the uses of the seconds since the last run.
"""

import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import redis

from core.keys import Uses
from core.queue import NAMESPACE

COUNTS, MOMENTS = NAMESPACE + "key-uses", NAMESPACE + "key-last-used"
TAKEN = ":taken"
LOCK_S = 60


def note(client: "redis.Redis", key_id: str) -> None:
    """Count one use. A Redis that is down costs the count, never the call."""
    with suppress(redis.RedisError), client.pipeline(transaction=False) as steps:
        steps.hincrby(COUNTS, key_id, 1)
        steps.hset(MOMENTS, key_id, str(time.time()))
        steps.execute()


@contextmanager
def taken(client: "redis.Redis") -> Iterator[dict[uuid.UUID, Uses]]:
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


def _taken(client: "redis.Redis") -> Iterator[dict[uuid.UUID, Uses]]:
    for name in (COUNTS, MOMENTS):
        # What an earlier run took and could not add goes first.
        if not client.exists(name + TAKEN):
            with suppress(redis.ResponseError):  # there is nothing to take
                client.rename(name, name + TAKEN)
    counts: Mapping[Any, Any] = client.hgetall(COUNTS + TAKEN)
    moments: Mapping[Any, Any] = client.hgetall(MOMENTS + TAKEN)
    yield {
        uuid.UUID(key.decode()): Uses(int(count), datetime.fromtimestamp(float(moments.get(key, time.time())), UTC))
        for key, count in counts.items()
    }
    client.delete(COUNTS + TAKEN, MOMENTS + TAKEN)
