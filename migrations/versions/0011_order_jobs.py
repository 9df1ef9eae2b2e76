"""Index jobs by what they are sorted by, with what they are filtered by."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

JOBS = "processing_jobs"
MEASURES = ("face_count", "inference_ms", "total_ms")
FILTERS = ("created_at", "job_type", "blur_method", "status")


def upgrade() -> None:
    for measure in MEASURES:
        there = sa.text(f"{measure} IS NOT NULL")
        columns = [measure, "id", *FILTERS]
        op.create_index(_name(measure), JOBS, columns, postgresql_where=there, sqlite_where=there)
        none = sa.text(f"{measure} IS NULL")
        op.create_index(_name_without(measure), JOBS, list(FILTERS), postgresql_where=none, sqlite_where=none)


def downgrade() -> None:
    for measure in MEASURES:
        op.drop_index(_name(measure), JOBS)
        op.drop_index(_name_without(measure), JOBS)


def _name(measure: str) -> str:
    return f"ix_processing_jobs_by_{measure}"


def _name_without(measure: str) -> str:
    return f"ix_processing_jobs_no_{measure}"
