"""INSERT … ON CONFLICT, which the databases spell alike but SQLAlchemy doesn't."""

from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from core.database.models import Base


def table_of(model: type[Base]) -> Table:
    """Return the model's table, for statements without ORM objects."""
    table = model.__table__
    assert isinstance(table, Table)  # noqa: S101 - it could be a join in SQLAlchemy, never here
    return table


def insert(session: Session, model: type[Base]) -> Any:
    """Return an INSERT of the session's dialect, to be continued with `on_conflict_do_…`."""
    if session.get_bind().dialect.name == "sqlite":
        return sqlite.insert(table_of(model))
    return postgresql.insert(table_of(model))
