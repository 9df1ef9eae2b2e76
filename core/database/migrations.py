"""Migrations: apart from the engine, because Alembic is slow to import and no running service needs it."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import make_url
from sqlalchemy.orm import Session

from core.config import ROOT, Settings
from core.contract.deeds import Deed
from core.database import audits, engine, roles

SCRIPTS = ROOT / "migrations"


def upgrade(settings: Settings, revision: str = "head") -> None:
    """Migrate the tables to a revision; an embedded database's folder is created first."""
    url = make_url(settings.sqlalchemy_url)
    if url.get_backend_name() == "sqlite" and not settings.database_url:
        settings.var_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    command.upgrade(alembic_config(settings), revision)


def ensure_worker(settings: Settings, password: str) -> None:
    """Make the worker's own role, or renew its password and what it may do; on Postgres alone."""
    bind = engine.create(settings)
    try:
        with Session(bind) as session:
            roles.ensure_worker(session.connection(), password)
            audits.record(session, Deed.WORKER_ROLE_SET, None)
            session.commit()
    finally:
        bind.dispose()


def head() -> str:
    """Return the newest revision."""
    newest = ScriptDirectory(str(SCRIPTS)).get_current_head()
    assert newest  # noqa: S101 - there are migrations, in one line
    return newest


def current(settings: Settings) -> str | None:
    """Return the revision that the database has; None without any, or without a database."""
    url = make_url(settings.sqlalchemy_url)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        return None  # connecting would make one
    bind = engine.create(settings)
    try:
        with bind.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        bind.dispose()


def alembic_config(settings: Settings) -> Config:
    """Return Alembic's configuration: where the migrations are, and the database."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.attributes["engine"] = engine.create(settings)
    return config
