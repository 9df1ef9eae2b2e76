"""Let items be refused, deleted and corrected, and batches be deleted; blank what deleted images have left behind."""

# ruff: noqa: S608 - statements are made of constants

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ITEMS = "batch_items"
OLD = ("queued", "running", "completed", "failed", "cancelled")
NEW = (*OLD, "refused", "deleted")
# An upload has an image from the start, an object of the bucket from its completion on.
GONE = "image_id IS NULL AND (source_key IS NULL OR state = 'completed')"
BLANK = (
    "name = NULL, source_key = NULL, digest = NULL, result_digest = NULL, face_count = NULL, error_code = NULL,"
    " error_detail = NULL, size_bytes = 0, lease = NULL, leased_by = NULL, lease_until = NULL"
)


def upgrade() -> None:
    for name in ("refused", "deleted"):
        op.add_column("batches", sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("batches", sa.Column("deleted_at", sa.DateTime(timezone=True)))
    hidden = sa.text("deleted_at IS NOT NULL")
    op.create_index("ix_batches_deleted", "batches", ["id"], postgresql_where=hidden, sqlite_where=hidden)
    op.add_column(ITEMS, sa.Column("corrected_at", sa.DateTime(timezone=True)))
    _allow(NEW, nameless=True)
    moment = "COALESCE(finished_at, created_at)"
    op.execute(f"UPDATE {ITEMS} SET state = 'deleted', finished_at = {moment}, {BLANK} WHERE {GONE}")
    _count(NEW, f"EXISTS (SELECT 1 FROM {ITEMS} WHERE batch_id = batches.id AND state = 'deleted')")


def downgrade() -> None:
    op.execute(f"UPDATE {ITEMS} SET name = CAST(id AS VARCHAR(36)) WHERE name IS NULL")
    op.execute(f"UPDATE {ITEMS} SET state = 'failed' WHERE state IN ('refused', 'deleted')")
    _allow(OLD, nameless=False)
    _count(OLD, "refused > 0 OR deleted > 0")
    op.drop_column(ITEMS, "corrected_at")
    op.drop_index("ix_batches_deleted", "batches")
    for name in ("deleted_at", "deleted", "refused"):
        op.drop_column("batches", name)


def _allow(states: tuple[str, ...], *, nameless: bool) -> None:
    """Change what a state and a name may be; SQLite copies the table, which has no triggers and nothing refers to."""
    with op.batch_alter_table(ITEMS) as table:
        if op.get_bind().dialect.name != "sqlite":  # whose copy has no checks
            table.drop_constraint("state", type_="check")
        table.create_check_constraint("state", f"state IN ({', '.join(map(repr, states))})")
        table.alter_column("name", existing_type=sa.String(1024), nullable=nameless)


def _count(states: tuple[str, ...], which: str) -> None:
    """Count the items of some batches anew."""
    of_batch = f"FROM {ITEMS} WHERE batch_id = batches.id"
    counts = [f"{state} = (SELECT COUNT(*) {of_batch} AND state = '{state}')" for state in states]
    faces = f"faces = (SELECT COALESCE(SUM(face_count), 0) {of_batch})"
    op.execute(f"UPDATE batches SET {', '.join([*counts, faces])} WHERE {which}")
