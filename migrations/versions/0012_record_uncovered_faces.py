"""Record who masked a picture by hand, and how many sure faces somebody has left visible."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

JOBS = "processing_jobs"
# The thresholds that only masks by hand have (core/records/outcomes.py): no other report is read.
BY_HAND = "job_type = 'mask' AND confidence_threshold < 0.0101 AND nms_threshold > 0.99999"


def upgrade() -> None:
    op.add_column(JOBS, sa.Column("edited_by", sa.Text(), nullable=True))
    op.add_column(JOBS, sa.Column("uncovered_faces", sa.Integer(), nullable=True))
    person = "report->>'by'" if op.get_bind().dialect.name == "postgresql" else "json_extract(report, '$.by')"
    op.execute(f"UPDATE {JOBS} SET edited_by = {person} WHERE {BY_HAND}")  # noqa: S608 - made of constants


def downgrade() -> None:
    op.drop_column(JOBS, "uncovered_faces")
    op.drop_column(JOBS, "edited_by")
