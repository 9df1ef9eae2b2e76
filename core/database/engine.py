"""The database: its engine and its sessions, and whether it is the database that fails."""

import sqlite3
from typing import Any

from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.orm import Session, sessionmaker

from core.config import Settings
from core.database import timeouts

PRIMARY = 0xFF  # of SQLite's codes; the other bits tell more
SQLITE_DEFECTS = {
    *(sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH),
    *(sqlite3.SQLITE_MISUSE, sqlite3.SQLITE_RANGE),
}
SessionFactory = sessionmaker[Session]


def create(settings: Settings, timeout_s: float | None = None) -> Engine:
    """Create the engine of the settings' database; nothing is connected yet.

    timeout_s: after how long a silence a Postgres counts as down; None: never, which is for migrations.
    """
    url = make_url(settings.sqlalchemy_url)
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg2")  # the driver that is installed, not SQLAlchemy's default
    if url.get_backend_name() == "sqlite":
        made = create_engine(url, connect_args={"timeout": 10}, hide_parameters=True)
        event.listen(made, "connect", _prepare_sqlite)
        return made
    # One connection for each thread that may ask; a dead one is noticed before it is used.
    made = create_engine(
        url,
        pool_size=8,
        max_overflow=settings.web_threads,
        pool_pre_ping=True,
        hide_parameters=True,  # errors are logged, and parameters are names of files
        connect_args=timeouts.KEEPALIVE,
    )
    event.listen(made, "connect", timeouts.have_server_keep_alive)
    if timeout_s is not None:
        timeouts.install(made, timeout_s)
    return made


def session_factory(settings: Settings) -> SessionFactory:
    """Create the session factory of the settings' database."""
    return sessionmaker(create(settings, settings.database_timeout_s), expire_on_commit=False)


def is_outage(error: SQLAlchemyError) -> bool:
    """Whether the database can't be used now, and may be later; anything else is a defect of ours."""
    if not isinstance(error, DBAPIError):
        return isinstance(error, NoConnectionFree)
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:  # sqlite3 calls a wrong statement operational, and a damaged file not
        return code & PRIMARY not in SQLITE_DEFECTS
    return isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")  # readers and the one writer don't wait for each other
    cursor.execute("PRAGMA synchronous=NORMAL")  # safe with WAL: a power cut may lose the last commits, no more
    cursor.execute("PRAGMA foreign_keys=ON")  # SQLite ignores them otherwise
    cursor.close()
