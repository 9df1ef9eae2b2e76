"""How the parts of the service stand, as the cards of the dashboard say it."""

import threading
import time
from dataclasses import asdict, dataclass
from typing import Literal, cast

from flask import current_app

from core.engine.client import EngineClient
from core.engine.loads import EngineLoad
from core.errors import EngineUnavailable
from web import current
from web.console.texts import Translator
from web.health import Health
from web.schemas.detect import HealthResponse

FRESH_S = 4.0
State = Literal["ok", "down", "off", "unknown"]


@dataclass(frozen=True)
class Card:
    """One part of the service: its name, how it stands, that in a word, and what else there is to say."""

    name: str
    state: State
    word: str
    detail: str


class LoadMonitor:
    """Knows the queue's load as it was a few seconds ago: to ask takes longer than a page may."""

    def __init__(self, queue: EngineClient) -> None:
        self._queue = queue
        self._asking = threading.Lock()
        self._last: EngineLoad | None = None
        self._asked_at = 0.0

    def last(self) -> EngineLoad | None:
        """Return what is known, without asking."""
        return self._last if time.monotonic() - self._asked_at < FRESH_S * 3 else None

    def now(self) -> EngineLoad | None:
        """Ask, unless that was done just now or somebody else is doing it. None: the queue can't be reached."""
        if time.monotonic() - self._asked_at > FRESH_S and self._asking.acquire(blocking=self._last is None):
            try:
                if time.monotonic() - self._asked_at > FRESH_S:  # else somebody has asked while this one waited
                    self._last = self._asked()
                    self._asked_at = time.monotonic()
            finally:
                self._asking.release()
        return self._last

    def _asked(self) -> EngineLoad | None:
        try:
            return self._queue.load()
        except EngineUnavailable:
            return None


def load_monitor() -> LoadMonitor:
    """Return this process's watch."""
    found: LoadMonitor | None = current_app.extensions.get("face-api-watch")
    if found is None:
        found = current_app.extensions.setdefault("face-api-watch", LoadMonitor(current.services().engine))
    return found


def cards(voice: Translator, load: EngineLoad | None, *, asked: bool) -> list[Card]:
    """Word how everything stands. asked: whether the load was asked for, so that None means that nothing answered."""
    now = cast(Health, current_app.extensions["health"]).now()
    return [_model(voice, now), _database(voice, now), _storage(voice, now), _queue(voice, load, asked=asked)]


def as_json(found: list[Card]) -> list[dict[str, str]]:
    return [asdict(card) for card in found]


def _card(voice: Translator, name: str, state: State, detail: str) -> Card:
    return Card(name, state, voice(f"health.{state}"), detail)


def _model(voice: Translator, now: HealthResponse) -> Card:
    if not now.model_loaded:
        return _card(voice, "model", "down", voice("health.model_missing", model=now.model))
    return _card(voice, "model", "ok", voice("health.model_detail", model=now.model, side=now.input_size[0]))


def _database(voice: Translator, now: HealthResponse) -> Card:
    if now.database_ready is None:
        return _card(voice, "database", "off", voice("health.database_off"))
    kind = "SQLite" if current.services().settings.sqlalchemy_url.startswith("sqlite") else "Postgres"
    return _card(voice, "database", "ok" if now.database_ready else "down", kind)


def _storage(voice: Translator, now: HealthResponse) -> Card:
    if now.storage_ready is None:
        return _card(voice, "storage", "off", voice("health.storage_off"))
    endpoint = current.services().settings.s3_endpoint
    kind = "S3" if endpoint else voice("health.folder")
    return _card(voice, "storage", "ok" if now.storage_ready else "down", kind)


def _queue(voice: Translator, load: EngineLoad | None, *, asked: bool) -> Card:
    if load is None and not asked:
        return _card(voice, "queue", "unknown", voice("health.queue_unknown"))
    if load is None:
        return _card(voice, "queue", "down", voice("health.queue_down"))
    detail = voice("health.queue_detail", waiting=load.waiting, running=load.running)
    workers = voice.count("health.workers", load.workers)
    processes = voice.count("health.processes", load.processes)
    return _card(voice, "queue", "ok" if load.workers else "down", f"{detail} · {workers} · {processes}")
