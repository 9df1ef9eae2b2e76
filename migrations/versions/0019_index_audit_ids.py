"""Index the ids of audit records that are of many things at once; SQLite, whose trails are short, looks into each."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0016"
branch_labels = None
depends_on = None

INDEX = "ix_audit_records_ids"


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.create_index(
            INDEX,
            "audit_records",
            ["detail"],
            postgresql_using="gin",
            postgresql_ops={"detail": "jsonb_path_ops"},
            postgresql_where=sa.text("target IS NULL"),
        )


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.drop_index(INDEX, "audit_records")
