"""The rows of a backup: one file of JSON Lines for each table, which tables there are, and which objects rows name."""

import base64
import json
import uuid
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import IO, Any

from sqlalchemy import JSON, Column, Connection, Engine, Table, TypeDecorator, select

from core.database.models import Base
from core.storage import objects

ROWS_AT_ONCE = 200  # chosen: a few megabytes, even of jobs with many faces
# Triggers write these when the rows come that they count: with them in the backup all would be counted twice.
DERIVED = {"tallies", "tally_changes"}
# What is still to be deleted is nobody's picture any more.
NO_OBJECTS = {"cleanup_tasks"}
# What belongs to a row beside the objects that it names: tracks, and the parts of what is being worked on.
FOLDERS = {"videos": objects.VIDEOS + "{id}/"}
OBJECT_KEY = "_key"  # what columns that name objects end with

Row = dict[str, Any]
_WRITTEN: dict[type, Callable[[Any], Any]] = {
    uuid.UUID: str,
    datetime: datetime.isoformat,
    bytes: lambda value: base64.b64encode(value).decode(),
}
_READ: dict[type, Callable[[Any], Any]] = {
    uuid.UUID: uuid.UUID,
    datetime: datetime.fromisoformat,
    bytes: base64.b64decode,
}


def saved() -> list[Table]:
    """Return the tables of a backup, each after those that its rows refer to."""
    return [table for table in Base.metadata.sorted_tables if table.name not in DERIVED]


def snapshot(engine: Engine) -> Connection:
    """Open a transaction that sees the same rows however long it reads, and that nobody waits for."""
    if engine.dialect.name == "sqlite":
        connection = engine.connect()
        connection.exec_driver_sql("BEGIN")  # sqlite3 begins one only before it writes
        return connection
    options: dict[str, Any] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    return engine.connect().execution_options(**options)


def write(connection: Connection, table: Table, file: IO[str]) -> int:
    """Write the rows of a table by rising primary keys, a line each; return how many there are."""
    columns = list(table.columns)
    statement = select(*columns).order_by(*table.primary_key)
    rows = connection.execute(statement, execution_options={"yield_per": ROWS_AT_ONCE})
    count = 0
    for row in rows:
        line = {column.name: _converted(_WRITTEN, column, value) for column, value in zip(columns, row, strict=True)}
        file.write(json.dumps(line, separators=(",", ":")) + "\n")
        count += 1
    return count


def read(table: Table, lines: Iterable[str]) -> Iterator[Row]:
    """Read the rows of a table; by their columns' keys, as an INSERT wants them."""
    for line in lines:
        values = json.loads(line)
        yield {column.key: _converted(_READ, column, values[column.name]) for column in table.columns}


def object_columns(table: Table) -> list[Column[Any]]:
    """Return the columns that may name objects; a key of another kind does not begin like one of ours."""
    return [] if table.name in NO_OBJECTS else [column for column in table.columns if column.name.endswith(OBJECT_KEY)]


def object_keys(
    table: Table, lines: Iterable[str], listed: Callable[[str], Iterable[str]]
) -> Iterator[tuple[str, bool]]:
    """Yield the keys of objects that rows name, or own as a folder; the flag says that the row names it.

    Of ours alone: what a batch or a video reads from elsewhere in the bucket stays somebody else's. listed: the keys of
    the store that begin so.
    """
    names = [column.name for column in object_columns(table)]
    if not names:
        return
    for line in lines:
        values = json.loads(line)
        named = {key for name in names if (key := values[name]) and key.startswith(objects.OWN_PREFIXES)}
        yield from ((key, True) for key in named)
        if table.name in FOLDERS:
            folder = FOLDERS[table.name].format(id=values["id"])
            yield from ((key, False) for key in listed(folder) if key not in named)


def python_type(column: Column[Any]) -> type:
    """Return the type of a column's values, dict for any JSON; a column type of ours says what it is made of."""
    kind = column.type
    if isinstance(kind, JSON):
        return dict
    return (kind.impl_instance if isinstance(kind, TypeDecorator) else kind).python_type


def numbered(table: Table) -> Column[Any] | None:
    """Return the column that the database counts up by itself, if there is one."""
    column = table.autoincrement_column
    return column if column is not None and python_type(column) is int else None


def _converted(by_type: dict[type, Callable[[Any], Any]], column: Column[Any], value: Any) -> Any:
    convert = by_type.get(python_type(column))
    return value if value is None or convert is None else convert(value)
