"""The database: its engine, its sessions, its migrations."""

from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.orm import Session, sessionmaker

from core.config import ROOT, Settings

Sessions = sessionmaker[Session]


def engine(settings: Settings) -> Engine:
    """Make the engine of the settings' database; nothing is opened yet."""
    url = make_url(settings.sqlalchemy_url)
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg2")  # the driver that is installed, not SQLAlchemy's default
    if url.get_backend_name() == "sqlite":
        made = create_engine(url, connect_args={"timeout": 10})
        event.listen(made, "connect", _prepare_sqlite)
        return made
    # One connection for each thread that may ask; a dead one is noticed before it is used.
    return create_engine(url, pool_size=8, max_overflow=settings.web_threads, pool_pre_ping=True)


def sessions(settings: Settings) -> Sessions:
    """Make the factory of sessions for the settings' database."""
    return sessionmaker(engine(settings), expire_on_commit=False)


def upgrade(settings: Settings, revision: str = "head") -> None:
    """Bring the tables to a revision; an embedded database's folder is made first."""
    url = make_url(settings.sqlalchemy_url)
    if url.get_backend_name() == "sqlite" and not settings.database_url:
        settings.var_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    command.upgrade(alembic_config(settings), revision)


def alembic_config(settings: Settings) -> Config:
    """Tell Alembic where the migrations are and which database is meant."""
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    config.attributes["engine"] = engine(settings)
    return config


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")  # readers and the one writer don't wait for each other
    cursor.execute("PRAGMA synchronous=NORMAL")  # safe with WAL: a power cut may lose the last commits, no more
    cursor.execute("PRAGMA foreign_keys=ON")  # SQLite ignores them otherwise
    cursor.close()
