"""Give API keys scopes, an end, limits and networks; name the key in what it has made."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

KEYS = "api_keys"
MADE = ("images", "processing_jobs", "batches")
Document = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
# Keys that exist keep what they could be used for.
DOCUMENTS = {
    "scopes": '["detect", "mask"]',
    "rate_limits": "{}",
    "allowed_networks": "[]",
    "replaces": "[]",
}


def upgrade() -> None:
    for name, default in DOCUMENTS.items():
        op.add_column(KEYS, sa.Column(name, Document, nullable=False, server_default=default))
    op.add_column(KEYS, sa.Column("expires_at", sa.DateTime(timezone=True)))
    op.add_column(KEYS, sa.Column("last_used_ip", sa.String(45)))
    op.add_column(KEYS, sa.Column("replaced_by", sa.Uuid()))
    there = sa.text("api_key_id IS NOT NULL")
    for table in MADE:
        op.add_column(table, sa.Column("api_key_id", sa.Uuid()))
        columns = ["api_key_id", "created_at", "id"]
        op.create_index(_index(table), table, columns, postgresql_where=there, sqlite_where=there)


def downgrade() -> None:
    for table in MADE:
        op.drop_index(_index(table), table)
        op.drop_column(table, "api_key_id")
    for name in ("replaced_by", "last_used_ip", "expires_at", *DOCUMENTS):
        op.drop_column(KEYS, name)


def _index(table: str) -> str:
    return f"ix_{table}_api_key_id_created_at_id"
