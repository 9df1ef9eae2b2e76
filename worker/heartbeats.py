"""Each process says every second that it lives, from a thread of its own: no long job and no dead beat keeps it quiet.

It says that its worker is ready only while its parent, which takes the tasks from the queue, goes round its loop. It
falls silent when it is overdue with a task: then its parent, which ends such processes, is stuck. Linux ends it with
its parent.
"""

import mmap
import struct
import threading
import time
from functools import cache
from typing import Any

from celery import bootsteps

from core.engine.client import EngineClient
from core.engine.heartbeats import BEAT_EVERY_S, Process, WorkerStatus
from core.errors import EngineUnavailable
from core.observability import logs

log = logs.get(__name__)
# chosen: the loop goes round many times a second, but for what it does when Redis is back
STUCK_AFTER_S = 10.0
OVERDUE_MARGIN_S = 5.0  # chosen: the parent ends an overdue process itself within a second


class ConsumerClock:
    """When the worker's main process last went round its loop; its processes share the memory, made before the fork.

    By the monotonic clock, which is one for the whole machine.
    """

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, struct.calcsize("d"))
        self.turn()

    def turn(self) -> None:
        self._memory[:] = struct.pack("d", time.monotonic())

    def goes(self) -> bool:
        """Whether the main process goes round its loop."""
        (turned_at,) = struct.unpack("d", self._memory[:])
        return bool(time.monotonic() - turned_at < STUCK_AFTER_S)


@cache
def consumer_clock() -> ConsumerClock:
    """Once per worker: called before the fork, its processes inherit the memory."""
    return ConsumerClock()


class TaskClock:
    """Whether a process of the pool works on a task for longer than its parent should let it."""

    def __init__(self) -> None:
        self._overdue_at: float | None = None  # by the monotonic clock; None: no task runs

    def begin(self, limit_s: float) -> None:
        """Note that a task begins, which the parent ends after so many seconds."""
        self._overdue_at = time.monotonic() + limit_s + OVERDUE_MARGIN_S

    def end(self) -> None:
        """Note that the task has ended."""
        self._overdue_at = None

    def is_overdue(self) -> bool:
        return self._overdue_at is not None and time.monotonic() > self._overdue_at


@cache
def task_clock() -> TaskClock:
    """Once per process, after the fork."""
    return TaskClock()


class TurnClock(bootsteps.StartStopStep):
    """Turns the clock from the loop of the worker's main process; begun anew with each connection to Redis."""

    def start(self, parent: Any) -> None:
        clock = consumer_clock()
        clock.turn()
        parent.timer.call_repeatedly(BEAT_EVERY_S, clock.turn)


class Heartbeat:
    """The heartbeat of this process, which has a name of its own."""

    def __init__(self, engine: EngineClient, name: str, status: WorkerStatus) -> None:
        self.process = Process(name)
        self._engine, self._status = engine, status

    def start(self, places: int) -> None:
        """Beat from a thread for as long as the process lives. places: how many calls it works on at a time."""
        self.process = Process(self.process.name, places)
        self.beat()  # before the first task is taken
        threading.Thread(target=self._run, name="heartbeat", daemon=True).start()

    def beat(self) -> None:
        """Say that this process lives, unless it is overdue."""
        if task_clock().is_overdue():
            return
        try:
            self._engine.beat(self.process, self._status if consumer_clock().goes() else None)
        except EngineUnavailable as error:  # said again in a second
            log.debug("heartbeat_not_sent", error=str(error.__cause__))

    def _run(self) -> None:
        while True:
            time.sleep(BEAT_EVERY_S)
            self.beat()
