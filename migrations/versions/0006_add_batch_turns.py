"""Add when a batch was last served, in whose order batches take turns."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

INDEX = "ix_batches_turns"
WAITING = sa.text("finished_at IS NULL AND queued > 0")


def upgrade() -> None:
    # A constant first: SQLite adds no column without a default that may not be null.
    moment = sa.Column("served_at", sa.DateTime(timezone=True), nullable=False, server_default="1970-01-01 00:00:00")
    op.add_column("batches", moment)
    op.execute("UPDATE batches SET served_at = created_at")
    op.create_index(INDEX, "batches", ["served_at", "id"], postgresql_where=WAITING, sqlite_where=WAITING)


def downgrade() -> None:
    op.drop_index(INDEX, "batches")
    op.drop_column("batches", "served_at")
