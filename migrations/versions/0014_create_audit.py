"""Create audit_records, whose rows can't be changed, nor deleted before they are 30 days old."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

TABLE = "audit_records"
REFUSED = "the audit trail is never changed"
ON_POSTGRES = f"""
CREATE FUNCTION keep_audit_records() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.at < now() - interval '30 days' THEN RETURN OLD; END IF;
    END IF;
    RAISE EXCEPTION '{REFUSED}';
END $$;
CREATE TRIGGER audit_records_kept BEFORE UPDATE OR DELETE ON {TABLE} FOR EACH ROW EXECUTE FUNCTION keep_audit_records();
CREATE TRIGGER audit_records_whole BEFORE TRUNCATE ON {TABLE} FOR EACH STATEMENT EXECUTE FUNCTION keep_audit_records();
"""
YOUNG = "strftime('%Y-%m-%d %H:%M:%f', 'now', '-30 days')"
ABORT = f"BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END"
ON_SQLITE = (
    f"CREATE TRIGGER audit_records_changed BEFORE UPDATE ON {TABLE} {ABORT}",
    f"CREATE TRIGGER audit_records_deleted BEFORE DELETE ON {TABLE} WHEN OLD.at >= {YOUNG} {ABORT}",
)


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_kind", sa.String(16), nullable=False),
        sa.Column("actor", sa.String(255)),
        sa.Column("address", sa.String(45)),
        sa.Column("deed", sa.String(32), nullable=False),
        sa.Column("target", sa.Uuid()),
        sa.Column("outcome", sa.String(32), nullable=False),
        sa.Column("request_id", sa.String(36)),
        sa.Column("detail", sa.JSON().with_variant(postgresql.JSONB(), "postgresql")),
        sa.PrimaryKeyConstraint("id", name="pk_audit_records"),
    )
    for columns in (["at", "id"], ["deed", "at", "id"], ["target", "at", "id"], ["actor", "at", "id"]):
        op.create_index(f"ix_{TABLE}_{'_'.join(columns)}", TABLE, columns)
    for statement in ON_SQLITE if op.get_bind().dialect.name == "sqlite" else (ON_POSTGRES,):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table(TABLE)
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION keep_audit_records")
