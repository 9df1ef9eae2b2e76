"""Index the reviews of a batch."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

JOBS = "processing_jobs"
REVIEWS = "ix_processing_jobs_review_batch_id_created_at_id"
PENDING = sa.text("batch_id IS NOT NULL AND review_state = 'pending'")


def upgrade() -> None:
    columns = ["batch_id", "created_at", "id"]
    op.create_index(REVIEWS, JOBS, columns, postgresql_where=PENDING, sqlite_where=PENDING)


def downgrade() -> None:
    op.drop_index(REVIEWS, JOBS)
