"""Let a job be cancelled: until now it was a failed one, with the error `cancelled`."""

# ruff: noqa: S608 - statements are made of constants

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

JOBS = "processing_jobs"
OLD = "status IN ('queued', 'running', 'completed', 'failed')"
NEW = "status IN ('queued', 'running', 'completed', 'failed', 'cancelled')"


def upgrade() -> None:
    _allow(OLD, NEW)
    # The triggers of the tallies count them over.
    op.execute(f"UPDATE {JOBS} SET status = 'cancelled' WHERE status = 'failed' AND error = 'cancelled'")


def downgrade() -> None:
    op.execute(f"UPDATE {JOBS} SET status = 'failed' WHERE status = 'cancelled'")
    _allow(NEW, OLD)


def _allow(before: str, after: str) -> None:
    """Change the check of the status.

    SQLite takes another one only with a copy of the table, which has no triggers and whose old rows would take the
    items' references with them. Its documentation (lang_altertable.html, "Making other kinds of table schema changes")
    gives this way for checks: the text of the schema is changed, and its version, so that it is read again.
    """
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        op.drop_constraint(op.f("ck_processing_jobs_status"), JOBS, type_="check")
        op.create_check_constraint(op.f("ck_processing_jobs_status"), JOBS, after)
        return
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    changed = "UPDATE sqlite_master SET sql = replace(sql, ?, ?) WHERE type = 'table' AND name = ?"
    connection.exec_driver_sql(changed, (before, after, JOBS))
    connection.exec_driver_sql(f"PRAGMA schema_version = {int(version) + 1}")
    connection.exec_driver_sql("PRAGMA writable_schema = OFF")
