"""Create the administrators beside the one of the settings."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
Moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "admins",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("name_key", sa.String(255), nullable=False),
        sa.Column("password_hash", sa.String(255), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("totp_secret", sa.String(64)),
        sa.Column("totp_pending", sa.String(64)),
        sa.Column("totp_last_step", sa.BigInteger()),
        sa.Column("recovery_codes", Json, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("last_login_at", Moment),
        sa.PrimaryKeyConstraint("id", name="pk_admins"),
        sa.UniqueConstraint("name_key", name="uq_admins_name_key"),
        sa.CheckConstraint("role IN ('viewer', 'operator', 'owner')", name="role"),
    )
    op.create_index("ix_admins_created_at", "admins", ["created_at"])


def downgrade() -> None:
    op.drop_table("admins")
