"""The worker's own role in Postgres: it works on items and videos, and can neither read keys nor touch the audit trail.

A worker decodes strangers' pictures. What takes one over has its password of the database. With the owner's it could
make itself keys, erase its traces, or run programs on the database's machine.
"""

from psycopg2.extensions import quote_ident
from sqlalchemy import Connection, text

WORKER = "face-api-worker"
READ, ADD, CHANGE, REMOVE = "SELECT", "INSERT", "UPDATE", "DELETE"
# Whatever is not named is refused, so a new table is closed to workers until it is added here.
WORKER_TABLES = {
    "images": (READ, ADD, CHANGE),  # what a batch imports; what triggers of jobs note
    "processing_jobs": (READ, ADD, CHANGE),
    "batches": (READ, CHANGE),
    "batch_items": (READ, CHANGE),
    "videos": (READ, CHANGE),
    "key_turns": (READ, ADD, CHANGE),
    "video_steps": (READ, ADD, CHANGE, REMOVE),
    "cleanup_tasks": (READ, ADD, CHANGE, REMOVE),
    "webhook_deliveries": (READ, ADD),
    "tally_changes": (READ, ADD),  # by the triggers of images and jobs
    "alembic_version": (READ,),
}
SEQUENCES = ("cleanup_tasks_id_seq", "tally_changes_id_seq")
LOCK = 0xFACE0A91  # chosen: any number that nothing else locks
MAKE = """
DO $$ BEGIN
  CREATE ROLE {role};
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$
"""
ATTRIBUTES = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"


def ensure_worker(connection: Connection, password: str) -> None:
    """Make the role, or change its password, and let it do what a worker does in the tables that there are."""
    # Of two at once, Postgres would refuse the later to change the same rows.
    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
    role = quote_ident(WORKER, connection.connection.driver_connection)
    connection.execute(text(MAKE.format(role=role)))
    connection.exec_driver_sql(f"ALTER ROLE {role} {ATTRIBUTES} PASSWORD %s", (password,))
    connection.exec_driver_sql(f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}")
    connection.exec_driver_sql(f"REVOKE CREATE ON SCHEMA public FROM PUBLIC, {role}")
    connection.exec_driver_sql(f"GRANT USAGE ON SCHEMA public TO {role}")
    connection.exec_driver_sql(f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {role}")
    connection.exec_driver_sql(f"GRANT USAGE ON SEQUENCE {', '.join(SEQUENCES)} TO {role}")
    for table, allowed in WORKER_TABLES.items():
        connection.exec_driver_sql(f"GRANT {', '.join(allowed)} ON {table} TO {role}")
