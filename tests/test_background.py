"""Work in threads beside a test: it ends with the block, however that ends."""

import threading

import pytest

from tests import background


def test_every_task_is_told_and_waited_for() -> None:
    begun, told = threading.Barrier(3), list[bool]()

    def task(ended: threading.Event) -> None:
        begun.wait(60)
        told.append(ended.wait(60))

    def fail() -> None:
        begun.wait(60)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), background.running(task, task):
        fail()
    assert told == [True, True]
