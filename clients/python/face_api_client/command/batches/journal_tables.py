"""The tables of a run's journal, and the statements that record what became of its files."""

import sqlite3

TABLES = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE files (
    name TEXT PRIMARY KEY, size INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL, sha256 TEXT, item TEXT, result TEXT,
    faces INTEGER NOT NULL DEFAULT 0, code TEXT, detail TEXT
);
CREATE INDEX files_by_state ON files (state, name);
CREATE UNIQUE INDEX files_by_result ON files (result);
"""
ADDED_COLUMNS = (("result_sha256", "TEXT"), ("mtime_ns", "INTEGER"), ("result_size", "INTEGER"))
RECORD_OUTCOME = """
UPDATE files SET state = :ended, item = :item, faces = :faces, code = :code, detail = :detail
WHERE name = :name AND (item IS NULL OR item = :item) AND (
    state IN ('found', 'uploaded', 'failed', 'cancelled')
    OR (:ended = 'finished' AND state = 'downloaded' AND result_sha256 <> :sha256)
)
"""
# A result that is here stays so: its code tells that the service has none any more.
RECORD_DELETION = """
UPDATE files SET state = CASE state WHEN 'downloaded' THEN state ELSE 'deleted' END,
    code = 'deleted', detail = 'it was deleted at the service'
WHERE item = :item
"""


def create(db: sqlite3.Connection) -> None:
    for statement in TABLES.split(";"):
        db.execute(statement)
    add_columns(db)


def add_columns(db: sqlite3.Connection) -> None:
    """Add what the tables of journals lack that an older version began."""
    present = {row[1] for row in db.execute("PRAGMA table_info(files)")}
    for name, kind in ADDED_COLUMNS:
        if name not in present:
            db.execute(f"ALTER TABLE files ADD COLUMN {name} {kind}")
