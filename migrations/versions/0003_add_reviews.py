"""Add what was done in a job, in detail, and whether a person should look at it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

JOBS = "processing_jobs"
INDEX = "ix_processing_jobs_review_created_at_id"
PENDING = sa.text("review_state = 'pending'")


def upgrade() -> None:
    document = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
    op.add_column(JOBS, sa.Column("report", document, nullable=True))
    # With its check in one statement: SQLite takes a check later only with a copy of the table, which has no triggers.
    op.execute(
        f"ALTER TABLE {JOBS} ADD COLUMN review_state VARCHAR(16)"
        " CONSTRAINT ck_processing_jobs_review_state CHECK (review_state IN ('pending', 'done'))"
    )
    op.create_index(INDEX, JOBS, ["created_at", "id"], postgresql_where=PENDING, sqlite_where=PENDING)


def downgrade() -> None:
    op.drop_index(INDEX, JOBS)
    op.drop_column(JOBS, "review_state")
    op.drop_column(JOBS, "report")
