"""Create the batches and their items."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

COUNTS = ("total", "queued", "running", "completed", "failed", "cancelled", "faces")


def upgrade() -> None:
    _create_batches()
    _create_items()


def downgrade() -> None:
    op.drop_table("batch_items")
    op.drop_table("batches")


def _create_batches() -> None:
    moments = [sa.Column(name, sa.DateTime(timezone=True)) for name in ("imported_at", "import_until", "closed_at")]
    op.create_table(
        "batches",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("idempotency_key", sa.String(255)),
        sa.Column("job_type", sa.String(16), nullable=False),
        sa.Column("options", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("webhook_url", sa.String(2000)),
        sa.Column("prefix", sa.String(1024)),
        *[sa.Column(name, sa.BigInteger(), nullable=False) for name in COUNTS],
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        *moments,
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_batches"),
        sa.UniqueConstraint("idempotency_key", name="uq_batches_idempotency_key"),
        sa.CheckConstraint("job_type IN ('detect', 'mask')", name="job_type"),
        sa.CheckConstraint("status IN ('open', 'running', 'completed', 'cancelled')", name="status"),
    )
    op.create_index("ix_batches_created_at_id", "batches", ["created_at", "id"])
    op.create_index("ix_batches_status_created_at_id", "batches", ["status", "created_at", "id"])
    _partial("ix_batches_unfinished", "batches", ["id"], "finished_at IS NULL")


def _create_items() -> None:
    op.create_table(
        "batch_items",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(1024), nullable=False),
        sa.Column("source_key", sa.String(1024)),
        sa.Column("digest", sa.String(64)),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("deaths", sa.Integer(), nullable=False),
        sa.Column("lease", sa.Uuid()),
        sa.Column("leased_by", sa.String(64)),
        sa.Column("lease_until", sa.DateTime(timezone=True)),
        sa.Column("available_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("image_id", sa.Uuid()),
        sa.Column("job_id", sa.Uuid()),
        sa.Column("face_count", sa.Integer()),
        sa.Column("result_digest", sa.String(64)),
        sa.Column("error_code", sa.String(50)),
        sa.Column("error_detail", sa.Text()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_batch_items"),
        sa.UniqueConstraint("batch_id", "name", name="uq_batch_items_batch_id_name"),
        sa.UniqueConstraint("batch_id", "position", name="uq_batch_items_batch_id_position"),
        sa.CheckConstraint("state IN ('queued', 'running', 'completed', 'failed', 'cancelled')", name="state"),
        *_references(),
    )
    op.create_index("ix_batch_items_image_id", "batch_items", ["image_id"])
    op.create_index("ix_batch_items_job_id", "batch_items", ["job_id"])
    op.create_index("ix_batch_items_batch_id_state_position", "batch_items", ["batch_id", "state", "position"])
    finished = ["batch_id", "finished_at"]
    _partial("ix_batch_items_batch_id_finished_at", "batch_items", finished, "finished_at IS NOT NULL")
    _partial("ix_batch_items_queue", "batch_items", ["batch_id", "position"], "state = 'queued'")
    _partial("ix_batch_items_leases", "batch_items", ["lease_until"], "state = 'running'")


def _references() -> list[sa.ForeignKeyConstraint]:
    rules = {"batch": ("batches", "CASCADE"), "image": ("images", "SET NULL"), "job": ("processing_jobs", "SET NULL")}
    return [
        sa.ForeignKeyConstraint(
            [f"{name}_id"], [f"{table}.id"], name=f"fk_batch_items_{name}_id_{table}", ondelete=rule
        )
        for name, (table, rule) in rules.items()
    ]


def _partial(name: str, table: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, postgresql_where=where, sqlite_where=where)
