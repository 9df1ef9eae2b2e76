"""How the parts of the service stand, as the cards of the dashboard say it."""

from dataclasses import asdict, dataclass
from typing import Literal

from core.engine.loads import EngineLoad
from web import current
from web.console.texts import Translator
from web.schemas.detect import HealthResponse

State = Literal["ok", "down", "off", "unknown"]


@dataclass(frozen=True)
class Card:
    """One part of the service: its name, how it stands, that in a word, and what else there is to say."""

    name: str
    state: State
    word: str
    detail: str


def cards(voice: Translator, load: EngineLoad | None, *, asked: bool) -> list[Card]:
    """Word how everything stands. asked: whether the load was asked for, so that None means that nothing answered."""
    now = current.state().health.now()
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
