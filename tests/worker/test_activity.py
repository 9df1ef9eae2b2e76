"""Processes of a worker know how many of them are busy."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from billiard.context import ForkContext
from billiard.process import current_process

from worker.activity import Activity


@pytest.fixture
def activity(monkeypatch: pytest.MonkeyPatch) -> Activity:
    monkeypatch.setattr("core.system.cpus.available", lambda: 4)
    return Activity()


@contextmanager
def process(place: int, work: Callable[[], None]) -> Iterator[int]:
    """Run a process of the pool at this place until it says that it works, and then kill it."""
    started, starts = os.pipe()

    def run() -> None:
        setattr(current_process(), "index", place)  # noqa: B010 - the pool sets it, and no type says so
        work()
        os.write(starts, b"1")
        signal.pause()

    child = ForkContext().Process(target=run)
    child.start()
    assert child.pid
    os.read(started, 1)
    yield child.pid
    os.kill(child.pid, signal.SIGKILL)
    child.join()


def test_busy_processes_leave_fewer_cpus(activity: Activity) -> None:
    working = activity.working()
    with process(3, working.__enter__), activity.working():
        assert (activity.idle_cpus(1), activity.idle_cpus(2), activity.idle_cpus(3)) == (2, 0, 0)
    assert activity.idle_cpus(1) == 3


def test_threads_of_a_process_count_one_by_one(activity: Activity) -> None:
    with activity.working():
        with activity.working():
            assert activity.idle_cpus(1) == 2
        assert activity.idle_cpus(1) == 3
    assert activity.idle_cpus(1) == 4


def test_killed_process_is_counted_until_it_is_replaced(activity: Activity) -> None:
    with process(3, activity.working().__enter__):
        pass
    assert activity.idle_cpus(1) == 3

    def work_once() -> None:
        with activity.working():
            pass

    with process(3, work_once):
        assert activity.idle_cpus(1) == 4
