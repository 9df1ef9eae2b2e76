"""The migrations: up, down, and to the same tables as the models say."""

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect, text
from sqlalchemy.engine.interfaces import ReflectedIndex

from core.config import Settings
from core.database import engine, migrations
from core.database.models import Base


def _schema(bind: Engine) -> dict[str, object]:
    """Return all that a migration could leave behind or forget."""
    tables = inspect(bind)
    names = [name for name in tables.get_table_names() if name != "alembic_version"]
    found: dict[str, object] = {}
    for name in sorted(names):
        found[name] = (
            sorted((column["name"], str(column["type"]), column["nullable"]) for column in tables.get_columns(name)),
            sorted(_index(index) for index in tables.get_indexes(name)),
            sorted(str(check["name"]) for check in tables.get_check_constraints(name)),
            tables.get_pk_constraint(name)["name"],
            [(key["name"], key["options"].get("ondelete")) for key in tables.get_foreign_keys(name)],
            [unique["name"] for unique in tables.get_unique_constraints(name)],
        )
    return found


def _index(index: ReflectedIndex) -> tuple[str, tuple[str | None, ...], str]:
    """Return an index's name, columns and condition."""
    where = [str(value) for name, value in index.get("dialect_options", {}).items() if name.endswith("_where")]
    return str(index["name"]), tuple(index["column_names"]), " ".join(where).strip("()")


def _routines(bind: Engine) -> set[str]:
    query = (
        "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
        if bind.dialect.name == "postgresql"
        else "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    )
    with bind.connect() as connection:
        return set(connection.scalars(text(query)))


def test_migrations_lead_to_models(empty_database: Settings) -> None:
    migrations.upgrade(empty_database)
    bind = engine.create(empty_database)
    with bind.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    bind.dispose()


def test_migrated_schema_equals_models(empty_database: Settings) -> None:
    migrations.upgrade(empty_database)
    bind = engine.create(empty_database)
    migrated = _schema(bind)
    command.downgrade(migrations.alembic_config(empty_database), "base")
    Base.metadata.create_all(bind)
    assert migrated == _schema(bind)
    bind.dispose()


def test_migrations_go_down_again(empty_database: Settings) -> None:
    migrations.upgrade(empty_database)
    command.downgrade(migrations.alembic_config(empty_database), "base")
    bind = engine.create(empty_database)
    assert set(inspect(bind).get_table_names()) <= {"alembic_version"}
    assert _routines(bind) == set()
    bind.dispose()


def test_each_migration_goes_down_and_up(empty_database: Settings) -> None:
    migrations.upgrade(empty_database)
    bind = engine.create(empty_database)
    tables, routines = _schema(bind), _routines(bind)
    for revision in ("0005", "0004", "0003", "0002", "0001", "base"):
        command.downgrade(migrations.alembic_config(empty_database), revision)
        migrations.upgrade(empty_database)
        assert (_schema(bind), _routines(bind)) == (tables, routines)
    assert routines
    bind.dispose()


@pytest.mark.parametrize("empty_database", ["sqlite"], indirect=True)
def test_embedded_database_uses_wal(empty_database: Settings) -> None:
    migrations.upgrade(empty_database)
    bind = engine.create(empty_database)
    with bind.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    bind.dispose()
