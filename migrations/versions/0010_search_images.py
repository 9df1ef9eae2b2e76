"""Keep in an image's row what its jobs say of it, by a trigger, and index it."""

# ruff: noqa: S608 - statements are made of constants

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

IMAGES, JOBS, TRIGGER = "images", "processing_jobs", "facts_images"
COUNTED = "FROM processing_jobs WHERE image_id = {image} AND face_count IS NOT NULL"
NEWEST = f"{COUNTED} ORDER BY created_at DESC, id DESC LIMIT 1"
FACTS = f"face_count = (SELECT face_count {NEWEST}), review_state = (SELECT review_state {NEWEST})"
INDEXES = {
    "ix_images_search": (["created_at", "id", "face_count", "filename"], None),
    "ix_images_batch_id_created_at_id": (["batch_id", "created_at", "id"], sa.text("batch_id IS NOT NULL")),
    "ix_images_review_state_created_at_id": (["review_state", "created_at", "id"], sa.text("review_state IS NOT NULL")),
}


def upgrade() -> None:
    for column in (
        sa.Column("batch_id", sa.Uuid()),
        sa.Column("face_count", sa.Integer()),
        sa.Column("review_state", sa.String(16)),
    ):
        op.add_column(IMAGES, column)
    batch = f"(SELECT batch_id FROM {JOBS} WHERE image_id = images.id AND batch_id IS NOT NULL LIMIT 1)"
    op.execute(f"UPDATE {IMAGES} SET batch_id = {batch}, {FACTS.format(image='images.id')}")
    for name, (columns, where) in INDEXES.items():
        op.create_index(name, IMAGES, columns, postgresql_where=where, sqlite_where=where)
    _create_triggers()


def downgrade() -> None:
    postgresql = op.get_bind().dialect.name == "postgresql"
    for event in ("insert", "update"):
        op.execute(f"DROP TRIGGER {TRIGGER}_{event}" + (f" ON {JOBS}" if postgresql else ""))
    if postgresql:
        op.execute(f"DROP FUNCTION {TRIGGER}()")
    for name in INDEXES:
        op.drop_index(name, IMAGES)
    for column in ("review_state", "face_count", "batch_id"):
        op.drop_column(IMAGES, column)


def _create_triggers() -> None:
    """Change the image whenever a job of it says something new; the deletion of a job comes with that of its image."""
    batch = "batch_id = coalesce(batch_id, NEW.batch_id)"
    change = f"UPDATE {IMAGES} SET {batch}, {FACTS.format(image='NEW.image_id')} WHERE id = NEW.image_id;"
    run = f"BEGIN {change} END"
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE FUNCTION {TRIGGER}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {change} RETURN NULL; END $$"
        )
        run = f"EXECUTE FUNCTION {TRIGGER}()"
    tells = "WHEN (NEW.batch_id IS NOT NULL OR NEW.face_count IS NOT NULL)"
    for event in ("INSERT", "UPDATE OF batch_id, face_count, review_state"):
        name = f"{TRIGGER}_{event.split()[0].lower()}"
        op.execute(f"CREATE TRIGGER {name} AFTER {event} ON {JOBS} FOR EACH ROW {tells} {run}")
