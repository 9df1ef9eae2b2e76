"""The queue's load, as pages see it."""

import time
from concurrent.futures import ThreadPoolExecutor

from core.engine.client import EngineClient
from core.engine.loads import EngineLoad
from core.errors import EngineUnavailable
from web.load_monitor import LoadMonitor


class UnreachableEngine(EngineClient):
    """An engine that takes its time to fail."""

    def __init__(self) -> None:
        self.asked = 0

    def load(self) -> EngineLoad:
        self.asked += 1
        time.sleep(0.2)
        raise EngineUnavailable("the queue can't be reached")


def test_unreachable_queue_is_asked_once_for_all() -> None:
    engine = UnreachableEngine()
    monitor = LoadMonitor(engine)
    with ThreadPoolExecutor(4) as pages:
        assert list(pages.map(lambda _: monitor.now(), range(4))) == [None] * 4
    assert engine.asked == 1
