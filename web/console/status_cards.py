"""The dashboard's status cards: model, database, storage and queue."""

from dataclasses import asdict, dataclass
from typing import Literal

from core.engine.loads import EngineLoad
from web import current
from web.console.texts import Translator
from web.schemas.detect import HealthResponse

State = Literal["ok", "down", "off", "unknown"]


@dataclass(frozen=True)
class StatusCard:
    """One part of the service. state_text: the state in the viewer's language; detail: one more line."""

    name: str
    state: State
    state_text: str
    detail: str


def cards(translator: Translator, load: EngineLoad | None, *, asked: bool) -> list[StatusCard]:
    """Describe every part. asked: whether the load was requested, so that None means that nothing answered."""
    health = current.state().health.now()
    return [
        _model(translator, health),
        _database(translator, health),
        _storage(translator, health),
        _queue(translator, load, asked=asked),
    ]


def as_json(status_cards: list[StatusCard]) -> list[dict[str, str]]:
    return [asdict(card) for card in status_cards]


def _card(translator: Translator, name: str, state: State, detail: str) -> StatusCard:
    return StatusCard(name, state, translator(f"health.{state}"), detail)


def _model(translator: Translator, health: HealthResponse) -> StatusCard:
    if not health.model_loaded:
        return _card(translator, "model", "down", translator("health.model_missing", model=health.model))
    return _card(
        translator,
        "model",
        "ok",
        translator("health.model_detail", model=health.model, precision=health.precision, side=health.input_size[0]),
    )


def _database(translator: Translator, health: HealthResponse) -> StatusCard:
    if health.database_ready is None:
        return _card(translator, "database", "off", translator("health.database_off"))
    kind = "SQLite" if current.services().settings.sqlalchemy_url.startswith("sqlite") else "Postgres"
    return _card(translator, "database", "ok" if health.database_ready else "down", kind)


def _storage(translator: Translator, health: HealthResponse) -> StatusCard:
    if health.storage_ready is None:
        return _card(translator, "storage", "off", translator("health.storage_off"))
    endpoint = current.services().settings.s3_endpoint
    kind = "S3" if endpoint else translator("health.folder")
    return _card(translator, "storage", "ok" if health.storage_ready else "down", kind)


def _queue(translator: Translator, load: EngineLoad | None, *, asked: bool) -> StatusCard:
    if load is None and not asked:
        return _card(translator, "queue", "unknown", translator("health.queue_unknown"))
    if load is None:
        return _card(translator, "queue", "down", translator("health.queue_down"))
    detail = translator("health.queue_detail", waiting=load.waiting, running=load.running)
    workers = translator.plural("health.workers", load.workers)
    processes = translator.plural("health.processes", load.processes)
    return _card(translator, "queue", "ok" if load.workers else "down", f"{detail} · {workers} · {processes}")
