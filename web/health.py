"""Whether everything that is enabled is ready; each tier is probed at most once every few seconds."""

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
    """Caches a result for FRESH_S; one caller at a time probes a slow tier, the others get the last result."""

    def __init__(self, probe: Callable[[], bool]) -> None:
        self._probe = probe
        self._probing = threading.Lock()
        self._result: bool | None = None
        self._probed_at = 0.0

    def ready(self) -> bool:
        stale = self._result is None or time.monotonic() - self._probed_at > FRESH_S
        # Only the very first callers wait for each other.
        if stale and self._probing.acquire(blocking=self._result is None):
            try:
                if self._result is None or time.monotonic() - self._probed_at > FRESH_S:
                    self._result = self._probe()
                    self._probed_at = time.monotonic()
            finally:
                self._probing.release()
        return bool(self._result)


class Health:
    """The service's health."""

    def __init__(self, services: Services) -> None:
        self._services = services
        sessions, store = services.sessions, services.store
        self._shards = CachedProbe(services.engine.shards_ready)
        self._database = None if sessions is None else CachedProbe(lambda: _database_ready(sessions))
        self._storage = None if store is None else CachedProbe(store.ready)

    def now(self) -> HealthResponse:
        """Return the current health."""
        settings = self._services.settings
        try:
            engine = self._services.engine.worker_status()
        except EngineUnavailable:
            engine = None
        database = None if self._database is None else self._database.ready()
        storage = None if self._storage is None else self._storage.ready()
        ready = engine is not None and self._shards.ready() and database is not False and storage is not False
        return HealthResponse(
            status="ok" if ready else "degraded",
            model=engine.model if engine else settings.model,
            precision=engine.precision if engine else None,
            runtime=engine.runtime if engine else None,
            model_loaded=engine is not None,
            input_size=[settings.input_size] * 2,
            supports_landmarks=engine is not None and engine.supports_landmarks,
            database_enabled=database is not None,
            database_ready=database,
            storage_enabled=storage is not None,
            storage_ready=storage,
        )


def _database_ready(sessions: SessionFactory) -> bool:
    try:
        with sessions() as session:
            session.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return False
    return True
