"""Create the turns of keys: they take turns with each other, and then the batches of one key."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

INDEX = "ix_batches_turns"
WAITING = sa.text("finished_at IS NULL AND queued > 0")


def upgrade() -> None:
    op.create_table(
        "key_turns",
        sa.Column("key_id", sa.Uuid, primary_key=True),
        sa.Column("work", sa.String(16), primary_key=True),
        sa.Column("served_at", sa.DateTime(timezone=True), nullable=False),
    )
    _index(["api_key_id", "served_at", "id"])


def downgrade() -> None:
    _index(["served_at", "id"])
    op.drop_table("key_turns")


def _index(columns: list[str]) -> None:
    op.drop_index(INDEX, "batches")
    op.create_index(INDEX, "batches", columns, postgresql_where=WAITING, sqlite_where=WAITING)
