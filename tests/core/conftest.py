"""The databases of the tests: each test of SQL runs on SQLite and on Postgres."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from core import config
from core.config import Settings
from core.database import engine, migrations
from core.database.engine import SessionFactory
from core.database.models import Base
from tests import databases, postgres
from tests.postgres import Postgres


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    with postgres.running() as server:
        yield server


@pytest.fixture(scope="session")
def migrated(postgres_server: Postgres) -> Settings:
    """Return the settings of the database that the tests share, one after the other."""
    postgres_server.execute("CREATE DATABASE migrated")
    settings = config.read(database_url=postgres_server.url("migrated"))
    migrations.upgrade(settings)
    return settings


@pytest.fixture(scope="session")
def numbers() -> Iterator[int]:
    return itertools.count(1)


@pytest.fixture(params=["sqlite", "postgres"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path, numbers: Iterator[int]) -> Settings:
    """Return the settings of a database without tables, on SQLite and on Postgres."""
    if request.param == "sqlite":
        return config.read(var_dir=tmp_path / "var")
    server: Postgres = request.getfixturevalue("postgres_server")
    name = f"empty_{next(numbers)}"
    server.execute(f"CREATE DATABASE {name}")
    return config.read(database_url=server.url(name))


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Return the settings of a database with all tables and no rows, on SQLite and on Postgres."""
    if request.param == "postgres":
        shared: Settings = request.getfixturevalue("postgres_database")
        return shared
    settings = config.read(var_dir=tmp_path / "var")
    databases.migrate(settings)
    return settings


@pytest.fixture
def postgres_database(migrated: Settings) -> Iterator[Settings]:
    """Return the settings of a Postgres database with all tables and no rows.

    Emptied after each test: what is tested commits, and many sessions at a time, so no rollback could undo it.
    """
    yield migrated
    bind = engine.create(migrated)
    with bind.begin() as connection:
        connection.execute(text("SET session_replication_role = replica"))  # no triggers, which keep the audit trail
        # measured: a tenth of the CPU of a TRUNCATE, which makes every table's files anew
        for table in Base.metadata.tables.values():
            connection.execute(table.delete())
    bind.dispose()


@pytest.fixture
def sessions(database: Settings) -> Iterator[SessionFactory]:
    made = engine.session_factory(database)
    yield made
    made.kw["bind"].dispose()


@pytest.fixture
def postgres_sessions(postgres_database: Settings) -> Iterator[SessionFactory]:
    made = engine.session_factory(postgres_database)
    yield made
    made.kw["bind"].dispose()


@pytest.fixture
def session(sessions: SessionFactory) -> Iterator[Session]:
    with sessions() as session:
        yield session
