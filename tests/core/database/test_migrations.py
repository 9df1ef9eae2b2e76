"""The migrations: up, down, and to the same tables as the models say."""

import uuid
from functools import partial
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
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
            sorted((str(key["name"]), key["options"].get("ondelete")) for key in tables.get_foreign_keys(name)),
            sorted(str(unique["name"]) for unique in tables.get_unique_constraints(name)),
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


def _is_made_on(bind: Engine, schema_item: Any, *_: object) -> bool:
    """Whether this database has such an index, which only one of them may know."""
    only_on = getattr(schema_item, "_ddl_if", None)
    return only_on is None or only_on.dialect == bind.dialect.name


def test_migrations_lead_to_models(empty_database: Settings) -> None:
    migrations.upgrade(empty_database)
    bind = engine.create(empty_database)
    with bind.connect() as connection:
        migrated = MigrationContext.configure(connection, opts={"include_object": partial(_is_made_on, bind)})
        assert compare_metadata(migrated, Base.metadata) == []
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
    scripts = ScriptDirectory.from_config(migrations.alembic_config(empty_database))
    for revision in [str(script.down_revision or "base") for script in scripts.walk_revisions()]:
        command.downgrade(migrations.alembic_config(empty_database), revision)
        migrations.upgrade(empty_database)
        assert (_schema(bind), _routines(bind)) == (tables, routines)
    assert routines
    bind.dispose()


def test_who_masked_by_hand_before_is_kept(empty_database: Settings) -> None:
    """Rows of 0011: a mask by hand, and one that only looks like it."""
    migrations.upgrade(empty_database, "0011")
    bind = engine.create(empty_database)
    image = "INSERT INTO images (id, filename, content_type, size_bytes, width, height, s3_key, created_at)"
    image += " VALUES (:i, 'a.jpg', 'image/jpeg', 9, 9, 9, 'k', :now)"
    job = "INSERT INTO processing_jobs (id, image_id, job_type, status, confidence_threshold, nms_threshold, report,"
    job += " created_at) VALUES (:j, :i, 'mask', 'completed', :confidence, :nms, :report, :now)"
    ids = {"i": uuid.UUID(int=1).hex, "now": "2026-03-04 12:00:00", "report": '{"by": "somebody"}'}
    with bind.begin() as connection:
        connection.execute(text(image), ids)
        for place, thresholds in enumerate(((0.01, 0.999999), (0.5, 0.4)), 1):
            row = {"j": uuid.UUID(int=place).hex, "confidence": thresholds[0], "nms": thresholds[1]}
            connection.execute(text(job), ids | row)
    migrations.upgrade(empty_database)
    with bind.connect() as connection:
        found = connection.execute(text("SELECT edited_by, uncovered_faces FROM processing_jobs ORDER BY id"))
        assert [tuple(row) for row in found] == [("somebody", None), (None, None)]
    bind.dispose()


@pytest.mark.parametrize("empty_database", ["sqlite"], indirect=True)
def test_embedded_database_uses_wal(empty_database: Settings) -> None:
    migrations.upgrade(empty_database)
    bind = engine.create(empty_database)
    with bind.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    bind.dispose()


def test_items_of_images_deleted_before_are_blanked(empty_database: Settings) -> None:
    """Rows of 0006: an upload and an object of the bucket whose images are gone, and one that never had an image."""
    migrations.upgrade(empty_database, "0006")
    bind = engine.create(empty_database)
    batch = "INSERT INTO batches (id, name, job_type, options, status, total, queued, running, completed, failed,"
    batch += " cancelled, faces, created_at) VALUES (:b, 'b', 'mask', '{}', 'running', 3, 0, 0, 2, 1, 0, 5, :now)"
    item = "INSERT INTO batch_items (id, batch_id, position, name, source_key, digest, size_bytes, state, attempts,"
    item += " deaths, available_at, face_count, created_at)"
    item += " VALUES (:i, :b, :p, :n, :s, 'd', 9, :state, 1, 0, :now, :f, :now)"
    ids = {"b": uuid.UUID(int=1).hex, "now": "2026-03-04 12:00:00"}
    items = [
        ("a.jpg", None, "completed", 2),
        ("b.jpg", "in/b.jpg", "completed", 3),
        ("c.jpg", "in/c.jpg", "failed", None),
    ]
    with bind.begin() as connection:
        connection.execute(text(batch), ids)
        for place, (name, source, state, faces) in enumerate(items, 1):
            row = {"i": uuid.UUID(int=place).hex, "p": place, "n": name, "s": source, "state": state, "f": faces}
            connection.execute(text(item), ids | row)
    migrations.upgrade(empty_database)
    found = "SELECT name, source_key, digest, state, face_count FROM batch_items ORDER BY position"
    counts = "SELECT completed, failed, deleted, faces FROM batches"
    with bind.connect() as connection:
        gone = (None, None, None, "deleted", None)
        assert [tuple(row) for row in connection.execute(text(found))] == [
            gone,
            gone,
            ("c.jpg", "in/c.jpg", "d", "failed", None),
        ]
        assert tuple(connection.execute(text(counts)).one()) == (0, 1, 2, 0)
    command.downgrade(migrations.alembic_config(empty_database), "0006")
    with bind.connect() as connection:
        assert set(connection.scalars(text("SELECT state FROM batch_items"))) == {"failed"}
        assert connection.scalars(text("SELECT failed FROM batches")).all() == [3]
    bind.dispose()


def test_jobs_cancelled_before_are_no_failures(empty_database: Settings) -> None:
    migrations.upgrade(empty_database, "0007")
    bind = engine.create(empty_database)
    image = "INSERT INTO images VALUES (:i, 'a.jpg', 'image/jpeg', 9, 4, 3, 'originals/a', :now)"
    job = "INSERT INTO processing_jobs (id, image_id, job_type, status, confidence_threshold, nms_threshold, error,"
    job += " created_at) VALUES (:j, :i, 'mask', 'failed', 0.5, 0.4, :error, :now)"
    values = {"i": uuid.UUID(int=1).hex, "now": "2026-03-04 12:00:00.000000"}
    with bind.begin() as connection:
        connection.execute(text(image), values)
        for number, error in enumerate(("cancelled", "no picture"), 1):
            connection.execute(text(job), values | {"j": uuid.UUID(int=number).hex, "error": error})
    statuses = "SELECT status FROM processing_jobs ORDER BY id"
    tallied = "SELECT status, sum(row_count) FROM tally_changes WHERE counted = 'processing_jobs' GROUP BY 1 ORDER BY 1"
    migrations.upgrade(empty_database)
    with bind.connect() as connection:
        assert connection.scalars(text(statuses)).all() == ["cancelled", "failed"]
        assert [tuple(row) for row in connection.execute(text(tallied))] == [("cancelled", 1), ("failed", 1)]
    command.downgrade(migrations.alembic_config(empty_database), "0007")
    with bind.connect() as connection:
        assert connection.scalars(text(statuses)).all() == ["failed", "failed"]
    bind.dispose()


@pytest.mark.parametrize("empty_database", ["sqlite"], indirect=True)
def test_migrated_check_of_the_status_holds(empty_database: Settings) -> None:
    """It is changed in the text of the schema."""
    migrations.upgrade(empty_database)
    bind = engine.create(empty_database)
    with bind.connect() as connection:
        table = str(connection.scalar(text("SELECT sql FROM sqlite_master WHERE name = 'processing_jobs'")))
        assert "'failed', 'cancelled')" in table
        assert connection.scalar(text("PRAGMA integrity_check")) == "ok"
    bind.dispose()
