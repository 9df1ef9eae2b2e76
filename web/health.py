"""Whether everything that is enabled is ready, within a second whatever hangs."""

from sqlalchemy import text

from core.database.engine import SessionFactory
from core.observability.probes import Probe
from core.services import Services
from web.schemas.detect import HealthResponse

FRESH_S = 3.0  # chosen: monitors ask often, and the store's answer costs a request
WITHIN_S = 0.7  # chosen: what has not answered by then is not ready; /health itself has a second


class HealthNews:
    """What this process has told monitors, who ask all the time; which answers are worth a line of the log."""

    def __init__(self) -> None:
        self._last: dict[str, bool] = {}  # by path: whether it was ready

    def is_news(self, path: str, *, ready: bool) -> bool:
        """Note an answer; return whether it differs from the last one. Until the first `ready` it is starting."""
        before = self._last.get(path)
        if ready or before is not None:
            self._last[path] = ready
        return before is not None and before != ready


class Health:
    """The service's health."""

    def __init__(self, services: Services) -> None:
        self._services = services
        sessions, store = services.sessions, services.store
        self._worker = Probe(services.engine.worker_status)
        self._shards = Probe(services.engine.shards_ready, FRESH_S)
        self._database = None if sessions is None else Probe(lambda: _database_ready(sessions), FRESH_S)
        self._storage = None if store is None else Probe(store.ready, FRESH_S)
        self.news = HealthNews()

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
