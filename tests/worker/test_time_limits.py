"""Which tasks have overrun their limits, and what becomes of them and of those beside them."""

import subprocess
import sys
import time

from core import config
from worker.time_limits import RunningTask, TimeLimits

PROGRAM = """
import os, sys, threading
from core.observability import logs
from worker import time_limits
from worker.time_limits import RunningTask, TimeLimits

if "AGAIN" in os.environ:
    print("again", os.getpid())
    sys.exit()
os.environ["AGAIN"] = "1"
print("first", os.getpid(), flush=True)
time_limits.CHECK_EVERY_S = 0.01
logs.configure("error")

def give_up(task):
    print("told", task.id, flush=True)
    if task.id == "a":
        raise OSError("Redis is down")

limits = TimeLimits(give_up)
for task_id, overdue_at in ("b", 1e12), ("a", 0), ("c", 1e12):
    limits.begin(RunningTask(task_id, "detect_image", [], overdue_at))
limits.watch()
threading.Event().wait()
"""


def test_tasks_that_have_ended_are_not_overdue() -> None:
    limits = TimeLimits(lambda task: None)
    past, future = time.monotonic() - 1, time.monotonic() + 60
    for task_id, overdue_at in (("late", past), ("ended", past), ("soon", future)):
        limits.begin(RunningTask(task_id, "mask_image", [], overdue_at))
    limits.end("ended")
    limits.end("unknown")
    assert [task.id for task in limits.overdue()] == ["late"]


def test_process_begins_anew_whatever_telling_raises() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=config.ROOT, stdout=subprocess.PIPE, text=True, timeout=60, check=True
    )
    first, *told, again = done.stdout.splitlines()
    assert told == ["told b", "told a", "told c"]
    assert first.split()[1] == again.split()[1]
