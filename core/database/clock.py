"""The clocks: this process's, and the database's, which all machines share."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Float, literal, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

from core.database.base import UtcDateTime


def now() -> datetime:
    """Return the current time in UTC, by this machine's clock."""
    return datetime.now(UTC)


def database_time(in_s: float | ColumnElement[Any] = 0.0) -> ColumnElement[datetime]:
    """Return, as SQL, the moment so many seconds from now by the database's clock.

    For moments that one machine writes and another one judges: leases, due times. It is when the statement began, not
    its transaction, which may have waited for a lock since.
    """
    return _DatabaseTime(in_s if isinstance(in_s, ColumnElement) else literal(in_s, Float))


def read_database_time(session: Session) -> datetime:
    """Return the current time by the database's clock."""
    return session.execute(select(database_time())).scalar_one()


class _DatabaseTime(GenericFunction[datetime]):
    """One argument: seconds from now."""

    name = "database_time"
    type = UtcDateTime()
    inherit_cache = True


@compiles(_DatabaseTime, "postgresql")
def _of_postgres(element: _DatabaseTime, compiler: SQLCompiler, **arguments: Any) -> str:
    # Stable, unlike clock_timestamp(), so that a comparison with it can use an index.
    return f"(statement_timestamp() + {compiler.process(element.clauses, **arguments)} * interval '1 second')"


@compiles(_DatabaseTime, "sqlite")
def _of_sqlite(element: _DatabaseTime, compiler: SQLCompiler, **arguments: Any) -> str:
    # As SQLAlchemy stores a moment: to the microsecond, which SQLite's clock doesn't know.
    seconds = compiler.process(element.clauses, **arguments)
    return f"strftime('%Y-%m-%d %H:%M:%f000', 'now', ({seconds}) || ' seconds')"
