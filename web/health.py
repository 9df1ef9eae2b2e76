"""Whether everything that is enabled is ready, within a second whatever hangs."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as StillRunning
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from sqlalchemy import text

from core.database.engine import SessionFactory
from core.services import Services
from web.schemas.detect import HealthResponse

FRESH_S = 3.0  # chosen: monitors ask often, and the store's answer costs a request
WITHIN_S = 0.7  # chosen: what has not answered by then is not ready; /health itself has a second

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Inquiry(Generic[Answer]):
    """One question that was asked. began: by time.monotonic()."""

    future: "Future[Answer]" = field(default_factory=Future)
    began: float = field(default_factory=time.monotonic)

    def answer(self, within_s: float) -> Answer | None:
        """Return the answer; None when asking failed, or lasts longer than that since it began."""
        try:
            return self.future.result(max(0.0, self.began + within_s - time.monotonic()))
        except StillRunning:
            return None
        except Exception:  # noqa: BLE001  # whatever it is, it is not ready
            return None


class Probe(Generic[Answer]):
    """Asks in a thread of its own, one at a time: whoever comes meanwhile waits for the same answer.

    fresh_s: for how long since it was asked an answer is good.
    """

    def __init__(self, ask: Callable[[], Answer], fresh_s: float = 0.0) -> None:
        self._ask, self._fresh_s = ask, fresh_s
        self._lock = threading.Lock()
        self._last: Inquiry[Answer] | None = None

    def start(self) -> Inquiry[Answer]:
        """Ask, unless somebody does already or the last answer is still good."""
        with self._lock:
            last = self._last
            if last and (not last.future.done() or time.monotonic() - last.began < self._fresh_s):
                return last
            begun = self._last = Inquiry[Answer]()
        # A daemon: what hangs must not keep the process from ending.
        threading.Thread(target=self._run, args=(begun.future,), daemon=True).start()
        return begun

    def _run(self, future: "Future[Answer]") -> None:
        try:
            future.set_result(self._ask())
        except Exception as error:  # noqa: BLE001  # it stops travelling where the answer is asked for
            future.set_exception(error)


class Health:
    """The service's health."""

    def __init__(self, services: Services) -> None:
        self._services = services
        sessions, store = services.sessions, services.store
        self._worker = Probe(services.engine.worker_status)
        self._shards = Probe(services.engine.shards_ready, FRESH_S)
        self._database = None if sessions is None else Probe(lambda: _database_ready(sessions), FRESH_S)
        self._storage = None if store is None else Probe(store.ready, FRESH_S)

    def now(self) -> HealthResponse:
        """Return the current health."""
        settings = self._services.settings
        # All are asked at once: together they take no longer than one.
        worker, shards = self._worker.start(), self._shards.start()
        database, storage = (probe and probe.start() for probe in (self._database, self._storage))
        engine = worker.answer(WITHIN_S)
        database_ready, storage_ready = (asked and bool(asked.answer(WITHIN_S)) for asked in (database, storage))
        ready = engine is not None and shards.answer(WITHIN_S) and database_ready is not False
        return HealthResponse(
            status="ok" if ready and storage_ready is not False else "degraded",
            model=engine.model if engine else settings.model,
            precision=engine.precision if engine else None,
            runtime=engine.runtime if engine else None,
            model_loaded=engine is not None,
            input_size=[settings.input_size] * 2,
            supports_landmarks=engine is not None and engine.supports_landmarks,
            database_enabled=database is not None,
            database_ready=database_ready,
            storage_enabled=storage is not None,
            storage_ready=storage_ready,
        )


def _database_ready(sessions: SessionFactory) -> bool:
    with sessions() as session:
        session.execute(text("SELECT 1"))
    return True
