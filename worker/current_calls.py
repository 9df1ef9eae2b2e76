"""Which call each process of a worker is at, in memory that they share: when one dies, its parent says which is lost.

A task goes on with calls that its process takes from the queue itself, and Celery knows of the first alone.
"""

import mmap
from functools import cache

from core.engine.client import EngineClient
from core.engine.messages import WaitingCall
from worker import activity

PLACE_BYTES = 512  # chosen: room for three names of a call


class CurrentCalls:
    """One place for each process of the pool: made before the fork."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, activity.MAX_PROCESSES * PLACE_BYTES)

    def begin(self, task_id: str, call: WaitingCall) -> None:
        """Note that a task goes on with another call."""
        start = activity.place() * PLACE_BYTES
        noted = f"{task_id} {call.token} {call.task_id}".encode()
        self._memory[start : start + PLACE_BYTES] = noted.ljust(PLACE_BYTES, b"\0")

    def report_lost(self, engine: EngineClient, task_id: str, token: str) -> None:
        """Say that the process of a task died to whoever waits for the call that it was at; token: of its first."""
        for start in range(0, len(self._memory), PLACE_BYTES):
            noted = self._memory[start : start + PLACE_BYTES].rstrip(b"\0").decode().split(" ")
            if noted[0] == task_id and len(noted) == 3:
                _, token, task_id = noted
                break
        engine.report_lost(token, task_id)


@cache
def shared() -> CurrentCalls:
    """Once per worker: called before the fork, its processes inherit the memory."""
    return CurrentCalls()
