"""A Redis that has stalled is not asked again at once: one caller finds out, the others go on without it."""

import threading
import time
from collections.abc import Callable
from typing import Any, Self, TypeVar

from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

PAUSE_S = 1.0  # chosen: a server that comes back is used again within about two seconds

Result = TypeVar("Result")


class CircuitBreaker(Retry):
    """The retry policy of clients that don't wait for Redis twice: after a time-out it isn't asked for a while.

    What fails at once costs nobody time, and may be a connection that a restart has ended: the next one is tried.

    redis-py passes every connection and every command through the policy of its pool. After PAUSE_S one thread tries
    again; until it succeeds, all others get a ConnectionError at once. Shared by all connections of a pool.
    """

    def __init__(self, pause_s: float = PAUSE_S, timer: Callable[[], float] = time.monotonic) -> None:
        super().__init__(NoBackoff(), 0)
        self._pause_s, self._timer = pause_s, timer
        self._lock = threading.Lock()
        self._paused_until: float | None = None  # None: the server answers
        self._probing = False
        self._within = threading.local()

    def __deepcopy__(self, _memo: dict[int, Any]) -> Self:
        """Return this one: redis-py copies the policy for each connection."""
        return self

    def call_with_retry(self, do: Callable[[], Result], *args: Any, **options: Any) -> Result:
        """Run a command once, or raise ConnectionError while the server is not asked."""
        if getattr(self._within, "command", False):  # it connects first: a connection alone is no answer
            return super().call_with_retry(do, *args, **options)
        self._admit()
        self._within.command = True
        paused_until = None
        try:
            return super().call_with_retry(do, *args, **options)
        except (RedisTimeoutError, TimeoutError):
            paused_until = self._timer() + self._pause_s
            raise
        finally:
            self._within.command = False
            with self._lock:
                self._paused_until, self._probing = paused_until, False

    def _admit(self) -> None:
        with self._lock:
            if self._paused_until is None:
                return
            if self._probing or self._timer() < self._paused_until:
                raise RedisConnectionError("Redis has not answered a moment ago, and is not asked again yet")
            self._probing = True
