"""Locks that all processes share, for what the database itself can't keep in order."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

WITHIN = "5s"  # chosen: half of the silence after which a Postgres counts as down


def take(session: Session, name: str) -> None:
    """Wait until nobody else has this lock; it is the session's until its transaction ends, which begins with this.

    SQLite has one for all names, which is that for writing. OperationalError when it is not free for seconds.
    """
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        return
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{WITHIN}'")
    connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))
