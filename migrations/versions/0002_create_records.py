"""Create the records of images and jobs, the clean-up tasks, and the tallies that triggers keep of them."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# What is counted of a row, by table: the words of the key, then the measures; {row} is the row, {hour} its hour.
CHANGE = "counted, starts_at, batch_id, job_type, blur_method, status, row_count, faces, timed, inference_us, bytes"
KEYS = {
    "images": "'images', {hour}, CAST(NULL AS uuid), '', '', ''",
    "processing_jobs": (
        "'processing_jobs', {hour}, {row}.batch_id, {row}.job_type, coalesce({row}.blur_method, ''), {row}.status"
    ),
}
MEASURES = {
    "images": ("1", "0", "0", "0", "{row}.size_bytes"),
    "processing_jobs": (
        "1",
        "coalesce({row}.face_count, 0)",
        "CASE WHEN {row}.inference_ms IS NULL THEN 0 ELSE 1 END",
        "CAST(round(coalesce({row}.inference_ms, 0) * 1000) AS bigint)",
        "coalesce({row}.processed_size_bytes, 0)",
    ),
}
COUNTED_COLUMNS = {
    "images": "created_at, size_bytes",
    "processing_jobs": (
        "created_at, batch_id, job_type, blur_method, status, face_count, inference_ms, processed_size_bytes"
    ),
}


def upgrade() -> None:
    _create_images()
    _create_jobs()
    _create_cleanup_tasks()
    _create_tallies()
    for table in KEYS:
        if op.get_bind().dialect.name == "postgresql":
            _create_postgres_triggers(table)
        else:
            _create_sqlite_triggers(table)


def downgrade() -> None:
    for table in ("processing_jobs", "images", "cleanup_tasks", "tally_changes", "tallies"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        for table in KEYS:
            for event in ("insert", "update", "delete", "truncate"):
                _execute(f"DROP FUNCTION tally_{table}_{event}()")


def _create_images() -> None:
    op.create_table(
        "images",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("filename", sa.String(255), nullable=False),
        sa.Column("content_type", sa.String(100), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("s3_key", sa.String(500), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_images"),
    )
    op.create_index("ix_images_created_at_id", "images", ["created_at", "id"])


def _create_jobs() -> None:
    op.create_table(
        "processing_jobs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("image_id", sa.Uuid(), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=True),
        sa.Column("job_type", sa.String(16), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("confidence_threshold", sa.Double(), nullable=False),
        sa.Column("nms_threshold", sa.Double(), nullable=False),
        sa.Column("blur_method", sa.String(16), nullable=True),
        sa.Column("blur_strength", sa.Integer(), nullable=True),
        sa.Column("padding", sa.Double(), nullable=True),
        sa.Column("output_format", sa.String(16), nullable=True),
        sa.Column("output_quality", sa.Integer(), nullable=True),
        sa.Column("face_count", sa.Integer(), nullable=True),
        sa.Column("detections", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=True),
        sa.Column("processed_s3_key", sa.String(500), nullable=True),
        sa.Column("processed_size_bytes", sa.BigInteger(), nullable=True),
        sa.Column("inference_ms", sa.Double(), nullable=True),
        sa.Column("total_ms", sa.Double(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_processing_jobs"),
        sa.ForeignKeyConstraint(
            ["image_id"], ["images.id"], name="fk_processing_jobs_image_id_images", ondelete="CASCADE"
        ),
        sa.CheckConstraint("job_type IN ('detect', 'mask')", name="job_type"),
        sa.CheckConstraint("status IN ('queued', 'running', 'completed', 'failed')", name="status"),
        sa.CheckConstraint("job_type = 'mask' OR blur_method IS NULL", name="mask_only"),
    )
    for filters in ([], ["job_type"], ["blur_method"], ["status"], ["job_type", "status"], ["blur_method", "status"]):
        _index_jobs(filters)
        _index_jobs(["batch_id", *filters], sa.text("batch_id IS NOT NULL"))
    _index_jobs(["image_id"])


def _index_jobs(filters: list[str], where: sa.TextClause | None = None) -> None:
    columns = [*filters, "created_at", "id"]
    name = "_".join(["ix_processing_jobs", *columns])
    op.create_index(name, "processing_jobs", columns, postgresql_where=where, sqlite_where=where)


def _create_cleanup_tasks() -> None:
    op.create_table(
        "cleanup_tasks",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("s3_key", sa.String(500), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_cleanup_tasks"),
        sa.UniqueConstraint("s3_key", name="uq_cleanup_tasks_s3_key"),
    )
    op.create_index("ix_cleanup_tasks_next_attempt_at", "cleanup_tasks", ["next_attempt_at"])


def _create_tallies() -> None:
    op.create_table(
        "tally_changes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("counted", sa.String(16), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=True),
        *_kinds_and_measures(),
        sa.PrimaryKeyConstraint("id", name="pk_tally_changes"),
    )
    op.create_table(
        "tallies",
        sa.Column("counted", sa.String(16), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("span", sa.String(4), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        *_kinds_and_measures(),
        sa.PrimaryKeyConstraint(
            "counted", "batch_id", "span", "starts_at", "job_type", "blur_method", "status", name="pk_tallies"
        ),
    )


def _kinds_and_measures() -> list[sa.Column[Any]]:
    kinds = ("job_type", "blur_method", "status")
    measures = ("row_count", "faces", "timed", "inference_us", "bytes")
    return [
        *[sa.Column(name, sa.String(16), nullable=False) for name in kinds],
        *[sa.Column(name, sa.BigInteger(), nullable=False) for name in measures],
    ]


def _create_postgres_triggers(table: str) -> None:
    """Count once for each statement, however many rows it touches."""
    added, removed = "SELECT 1 AS sign, * FROM added", "SELECT -1 AS sign, * FROM removed"
    events = {
        "insert": ("NEW TABLE AS added", added),
        "update": ("OLD TABLE AS removed NEW TABLE AS added", f"{added} UNION ALL {removed}"),
        "delete": ("OLD TABLE AS removed", removed),
    }
    hour = "date_trunc('hour', changed.created_at, 'UTC')"
    key = KEYS[table].format(row="changed", hour=hour)
    sums = [f"sum(sign * {measure.format(row='changed')})" for measure in MEASURES[table]]
    for event, (transition, source) in events.items():
        select = f"SELECT {key}, {', '.join(sums)} FROM ({source}) AS changed GROUP BY 1, 2, 3, 4, 5, 6"  # noqa: S608 - constants
        # An update of what is not counted leaves no row.
        unchanged = " AND ".join(f"{total} = 0" for total in sums)
        body = f"INSERT INTO tally_changes ({CHANGE}) {select} HAVING NOT ({unchanged});"
        _create_postgres_trigger(table, event, body, f"REFERENCING {transition}")
    # Truncating tells no rows.
    ours = f"WHERE counted = '{table}';"
    forget = f"DELETE FROM tally_changes {ours} DELETE FROM tallies {ours}"  # noqa: S608 - constants
    _create_postgres_trigger(table, "truncate", forget, "")


def _create_postgres_trigger(table: str, event: str, body: str, referencing: str) -> None:
    name = f"tally_{table}_{event}"
    _execute(f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NULL; END $$")
    _execute(
        f"CREATE TRIGGER {name} AFTER {event.upper()} ON {table} {referencing}"
        f" FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
    )


def _create_sqlite_triggers(table: str) -> None:
    def change(sign: str, row: str) -> str:
        key = KEYS[table].format(row=row, hour=f"substr({row}.created_at, 1, 13) || ':00:00.000000'")
        measures = ", ".join(f"{sign} * {measure.format(row=row)}" for measure in MEASURES[table])
        return f"INSERT INTO tally_changes ({CHANGE}) SELECT {key}, {measures};"

    events = {
        "insert": ("INSERT", change("1", "NEW")),
        "update": (f"UPDATE OF {COUNTED_COLUMNS[table]}", change("-1", "OLD") + change("1", "NEW")),
        "delete": ("DELETE", change("-1", "OLD")),
    }
    for event, (when, body) in events.items():
        _execute(f"CREATE TRIGGER tally_{table}_{event} AFTER {when} ON {table} FOR EACH ROW BEGIN {body} END")


def _execute(statement: str) -> None:
    """Run it as it stands: Alembic would take `:00` for a parameter."""
    op.get_bind().exec_driver_sql(statement)
