"""How often a stream of a batch's events asks whether its caller is still let in."""

import uuid
from dataclasses import replace
from pathlib import Path

import pytest
from flask import g
from sqlalchemy import event

from core import config
from core.access import keys
from core.access.properties import KeyProperties
from core.batches import lifecycle
from core.database.engine import SessionFactory
from tests import databases
from tests.conftest import BuildServices
from tests.core.batches.made import begun
from web import batch_events, current
from web.app import create_app
from web.auth.key_cache import ApiKeyCache

POLLS = 60


class Clock:
    """Stands in for `time`: it passes while somebody sleeps alone. After POLLS of that the batch is closed."""

    def __init__(self, sessions: SessionFactory, batch_id: uuid.UUID) -> None:
        self._sessions, self._batch_id = sessions, batch_id
        self._now, self._slept = 1000.0, 0

    def monotonic(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self._now, self._slept = self._now + seconds, self._slept + 1
        if self._slept == POLLS:
            with self._sessions() as session:
                lifecycle.close(session, self._batch_id)


def test_key_is_looked_up_less_often_than_the_batch(
    tmp_path: Path, build_services: BuildServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = config.read(var_dir=tmp_path / "var", admin_password="correct horse")
    databases.migrate(settings)
    services = build_services(settings)
    assert services.sessions is not None
    with services.sessions() as session:
        batch_id = begun(session)
        _, text = keys.create(session, "a dashboard", KeyProperties.model_validate({"scopes": ("admin",)}))
    app, clock, asked = create_app(services), Clock(services.sessions, batch_id), list[str]()
    monkeypatch.setattr(batch_events, "time", clock)
    api_keys = ApiKeyCache(services.sessions, clock.monotonic)
    app.extensions[current.EXTENSION] = replace(current.of(app), api_keys=api_keys)
    with app.test_request_context(f"/api/v1/admin/batches/{batch_id}/events", headers={"X-API-Key": text}):
        g.ending, g.api_key = current.state().ending, api_keys.authenticate(text, "127.0.0.1")
        bind = services.sessions.kw["bind"]
        event.listen(bind, "before_cursor_execute", lambda *told: asked.append(told[2]))
        told = b"".join(batch_events.follow(batch_id))
    assert told.endswith(b"\n\n") and b"event: done" in told
    of_keys, of_batches = (sum(f"FROM {table}" in one for one in asked) for table in ("api_keys", "batches"))
    assert of_batches >= POLLS
    assert 0 < of_keys <= of_batches / 2
