"""Is everything ready that is switched on? Asked of each tier, and not more often than every few seconds."""

import threading
import time
from collections.abc import Callable

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from core.database.engine import SessionFactory
from core.errors import EngineUnavailable
from core.services import Services
from web.schemas.detect import HealthResponse

FRESH_S = 3.0


class CachedProbe:
    """Remembers an answer for FRESH_S; a slow tier is asked by one caller at a time, the others get the last answer."""

    def __init__(self, ask: Callable[[], bool]) -> None:
        self._ask = ask
        self._asking = threading.Lock()
        self._answer: bool | None = None
        self._asked_at = 0.0

    def ready(self) -> bool:
        stale = self._answer is None or time.monotonic() - self._asked_at > FRESH_S
        # Only the very first callers wait for one another.
        if stale and self._asking.acquire(blocking=self._answer is None):
            try:
                if self._answer is None or time.monotonic() - self._asked_at > FRESH_S:
                    self._answer = self._ask()
                    self._asked_at = time.monotonic()
            finally:
                self._asking.release()
        return bool(self._answer)


class Health:
    """The service's health."""

    def __init__(self, services: Services) -> None:
        self._services = services
        sessions, store = services.sessions, services.store
        self._database = None if sessions is None else CachedProbe(lambda: _answers(sessions))
        self._storage = None if store is None else CachedProbe(store.ready)

    def now(self) -> HealthResponse:
        """Tell how things stand."""
        settings = self._services.settings
        try:
            engine = self._services.engine.worker_status()
        except EngineUnavailable:
            engine = None
        database = None if self._database is None else self._database.ready()
        storage = None if self._storage is None else self._storage.ready()
        ready = engine is not None and database is not False and storage is not False
        return HealthResponse(
            status="ok" if ready else "degraded",
            model=engine.model if engine else settings.model,
            model_loaded=engine is not None,
            input_size=[settings.input_size] * 2,
            supports_landmarks=engine is not None and engine.supports_landmarks,
            database_enabled=database is not None,
            database_ready=database,
            storage_enabled=storage is not None,
            storage_ready=storage,
        )


def _answers(sessions: SessionFactory) -> bool:
    try:
        with sessions() as session:
            session.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return False
    return True
