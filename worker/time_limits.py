"""Time limits of a worker of threads, none of which can be ended: when a task overruns, the process begins anew.

Prefork ends the one process that overruns; Celery has nothing for threads.
"""

import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from celery import Celery, signals

from core.observability import logs

log = logs.get(__name__)
CHECK_EVERY_S = 1.0


@dataclass(frozen=True)
class RunningTask:
    """A task that a thread works on. overdue_at: by the monotonic clock."""

    id: str
    name: str
    args: Any
    overdue_at: float


def limit_s(task: Any, app: Celery) -> float:
    """Return after how many seconds a task is ended."""
    return float(task.time_limit or app.conf.task_time_limit)


def enforce(app: Celery, give_up: Callable[[RunningTask], None]) -> None:
    """Enforce the time limits of an app's tasks, which run in threads of this process. give_up: see TimeLimits."""
    limits = TimeLimits(give_up)

    def begin(sender: Any, task_id: str, args: Any, **_: Any) -> None:
        limits.begin(RunningTask(task_id, sender.name, args, time.monotonic() + limit_s(sender, app)))

    def end(task_id: str, **_: Any) -> None:
        limits.end(task_id)

    signals.task_prerun.connect(begin, weak=False)
    signals.task_postrun.connect(end, weak=False)
    limits.watch()


class TimeLimits:
    """Knows what the threads of this process work on. give_up: tells those that wait for a task."""

    def __init__(self, give_up: Callable[[RunningTask], None]) -> None:
        self._give_up = give_up
        self._running: dict[str, RunningTask] = {}

    def begin(self, task: RunningTask) -> None:
        self._running[task.id] = task

    def end(self, task_id: str) -> None:
        self._running.pop(task_id, None)

    def watch(self) -> None:
        """Check the tasks for as long as the process lives, in a thread of its own."""
        threading.Thread(target=self._watch, name="time-limits", daemon=True).start()

    def _watch(self) -> None:
        while not (overdue := self.overdue()):
            time.sleep(CHECK_EVERY_S)
        self._begin_anew(overdue[0])

    def overdue(self) -> list[RunningTask]:
        """Return the tasks that have overrun their limits."""
        return [task for task in list(self._running.values()) if task.overdue_at < time.monotonic()]

    def _begin_anew(self, overdue: RunningTask) -> None:
        """Give up every task, and run the program again in the place of this one."""
        tasks = list(self._running.values())
        log.error("worker_overdue", task=overdue.name, running=len(tasks))
        for task in tasks:
            try:
                self._give_up(task)
            except Exception:
                log.exception("task_not_given_up")
        os.execv(sys.executable, sys.orig_argv)
