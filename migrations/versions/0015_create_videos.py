"""Create the videos and their steps; webhooks tell of them, too."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

STATUSES = "'queued', 'probing', 'detecting', 'linking', 'rendering', 'completed', 'failed', 'cancelled'"
Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
Moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    _create_videos()
    _create_steps()
    with op.batch_alter_table("webhook_deliveries") as table:
        table.alter_column("batch_id", existing_type=sa.Uuid(), nullable=True)
        table.add_column(sa.Column("video_id", sa.Uuid()))
        table.create_foreign_key(
            "fk_webhook_deliveries_video_id_videos", "videos", ["video_id"], ["id"], ondelete="CASCADE"
        )
    op.create_index("ix_webhook_deliveries_video_id", "webhook_deliveries", ["video_id"])


def downgrade() -> None:
    op.execute("DELETE FROM webhook_deliveries WHERE batch_id IS NULL")
    op.drop_index("ix_webhook_deliveries_video_id", "webhook_deliveries")
    with op.batch_alter_table("webhook_deliveries") as table:
        table.drop_constraint("fk_webhook_deliveries_video_id_videos", type_="foreignkey")
        table.drop_column("video_id")
        table.alter_column("batch_id", existing_type=sa.Uuid(), nullable=False)
    op.drop_table("video_steps")
    op.drop_table("videos")


def _create_videos() -> None:
    op.create_table(
        "videos",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("api_key_id", sa.Uuid()),
        sa.Column("filename", sa.String(255), nullable=False),
        sa.Column("source_key", sa.String(1024), nullable=False),
        sa.Column("source_is_ours", sa.Boolean(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("options", Json, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("webhook_url", sa.String(2000)),
        sa.Column("width", sa.Integer()),
        sa.Column("height", sa.Integer()),
        sa.Column("fps", sa.Double()),
        sa.Column("duration_s", sa.Double()),
        sa.Column("codec", sa.String(50)),
        sa.Column("frames_total", sa.BigInteger()),
        sa.Column("dropped", Json),
        sa.Column("segments", sa.Integer(), nullable=False),
        sa.Column("steps_left", sa.Integer(), nullable=False),
        sa.Column("faces_tracked", sa.Integer()),
        sa.Column("interpolated_share", sa.Double()),
        sa.Column("result_key", sa.String(500)),
        sa.Column("result_size_bytes", sa.BigInteger()),
        sa.Column("error_code", sa.String(50)),
        sa.Column("error_detail", sa.Text()),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("served_at", Moment, nullable=False),
        *[sa.Column(name, Moment) for name in ("started_at", "finished_at")],
        sa.PrimaryKeyConstraint("id", name="pk_videos"),
        sa.CheckConstraint(f"status IN ({STATUSES})", name="status"),
    )
    op.create_index("ix_videos_created_at_id", "videos", ["created_at", "id"])
    op.create_index("ix_videos_api_key_id_created_at_id", "videos", ["api_key_id", "created_at", "id"])
    _partial("ix_videos_unfinished", "videos", ["served_at", "id"], "finished_at IS NULL")


def _create_steps() -> None:
    op.create_table(
        "video_steps",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("video_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("segment", Json),
        sa.Column("frames_done", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lost_leases", sa.Integer(), nullable=False),
        sa.Column("lease", sa.Uuid()),
        sa.Column("leased_by", sa.String(64)),
        sa.Column("lease_until", Moment),
        sa.Column("available_at", Moment, nullable=False),
        sa.Column("finished_at", Moment),
        sa.PrimaryKeyConstraint("id", name="pk_video_steps"),
        sa.UniqueConstraint("video_id", "kind", "position", name="uq_video_steps_video_id_kind_position"),
        sa.CheckConstraint("kind IN ('probe', 'detect', 'link', 'render', 'join')", name="kind"),
        sa.CheckConstraint("state IN ('queued', 'running', 'completed', 'failed', 'cancelled')", name="state"),
        sa.ForeignKeyConstraint(["video_id"], ["videos.id"], name="fk_video_steps_video_id_videos", ondelete="CASCADE"),
    )
    _partial("ix_video_steps_queue", "video_steps", ["video_id", "position"], "state = 'queued'")
    _partial("ix_video_steps_leases", "video_steps", ["lease_until"], "state = 'running'")


def _partial(name: str, table: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, postgresql_where=where, sqlite_where=where)
