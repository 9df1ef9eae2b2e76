"""API keys: made, found, revoked, never kept in clear."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect
from sqlalchemy.orm import Session

from core import config, db, keys
from core.config import Settings
from core.errors import NotFound
from core.models import Base


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return config.read(var_dir=tmp_path / "var")


@pytest.fixture
def session(settings: Settings) -> Iterator[Session]:
    db.upgrade(settings)
    engine = db.engine(settings)
    with Session(engine, expire_on_commit=False) as session:
        yield session
    engine.dispose()


def test_key_text_has_contract_form(session: Session) -> None:
    key, text = keys.create(session, "camera")
    assert re.fullmatch(r"xyl_[0-9a-f]{48}", text)
    assert (key.key_prefix, key.key_suffix) == (text[:11], text[-8:])
    assert key.key_preview == f"{text[:11]}...{text[-8:]}"


def test_key_is_found_by_text(session: Session) -> None:
    key, text = keys.create(session, "camera")
    found = keys.find(session, text)
    assert found is not None and found.id == key.id and found.is_active


def test_wrong_text_finds_nothing(session: Session) -> None:
    _, text = keys.create(session, "camera")
    assert keys.find(session, text[:-1] + ("0" if text[-1] != "0" else "1")) is None


def test_key_text_is_not_stored(session: Session, settings: Settings) -> None:
    _, text = keys.create(session, "camera")
    files = b"".join(path.read_bytes() for path in settings.var_dir.iterdir())
    assert text[4:].encode() not in files


@pytest.mark.parametrize("which", ["id", "key_prefix"])
def test_revoked_key_stays_known(session: Session, which: str) -> None:
    key, text = keys.create(session, "camera")
    keys.revoke(session, str(getattr(key, which)))
    found = keys.find(session, text)
    assert found is not None and not found.is_active


def test_revoke_refuses_unknown_key(session: Session) -> None:
    with pytest.raises(NotFound):
        keys.revoke(session, "xyl_0000000")


def test_keys_are_listed_newest_first(session: Session) -> None:
    for name in ("first", "second", "third"):
        keys.create(session, name)
    assert [key.name for key in keys.list_all(session)] == ["third", "second", "first"]


def test_key_times_know_their_zone(session: Session) -> None:
    _, text = keys.create(session, "camera")
    session.expire_all()
    found = keys.find(session, text)
    assert found is not None and found.created_at.isoformat().endswith("+00:00")


def test_migrations_lead_to_models(settings: Settings) -> None:
    db.upgrade(settings)
    engine = db.engine(settings)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    engine.dispose()


def test_migrations_go_down_again(settings: Settings) -> None:
    db.upgrade(settings)
    command.downgrade(db.alembic_config(settings), "base")
    engine = db.engine(settings)
    assert set(inspect(engine).get_table_names()) <= {"alembic_version"}
    engine.dispose()


def test_embedded_database_uses_wal(settings: Settings) -> None:
    db.upgrade(settings)
    engine = db.engine(settings)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    engine.dispose()
