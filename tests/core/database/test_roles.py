"""What the worker's role can't do. That it can do a worker's work is shown by every test of a service on Postgres."""

import getpass
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from click.testing import CliRunner
from sqlalchemy import Connection, Engine, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError, ProgrammingError

from admin.main import main
from core import config
from core.config import Settings
from core.contract.deeds import Deed
from core.database import engine, migrations, roles
from core.database.audit_models import AuditRecord
from core.database.models import Base

FORBIDDEN = [
    "SELECT * FROM api_keys",
    "UPDATE audit_records SET actor = 'another'",
    "DELETE FROM audit_records",
    "DELETE FROM images",
    "ALTER TABLE audit_records DISABLE TRIGGER ALL",
    "CREATE TABLE of_its_own (id int)",
    "CREATE ROLE another SUPERUSER",
    "COPY (SELECT 1) TO PROGRAM 'cat'",
    "SELECT pg_read_file('/etc/passwd')",
]


@pytest.fixture
def worker(postgres_database: Settings) -> Iterator[Engine]:
    """Return an engine that logs in as the worker."""
    migrations.ensure_worker(postgres_database, "it's 100 % secret")
    url = make_url(postgres_database.sqlalchemy_url).set(username=roles.WORKER)
    made = create_engine(url)
    yield made
    made.dispose()


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_worker_is_refused(worker: Engine, statement: str) -> None:
    with worker.connect() as connection, pytest.raises(DBAPIError, match=r"permission denied|must be|Only roles"):
        connection.exec_driver_sql(statement.replace("%", "%%"))


def test_tables_of_others_are_closed(worker: Engine) -> None:
    with worker.connect() as connection:
        seen = {table for table in Base.metadata.tables if _may_read(connection, table)}
    assert seen == roles.WORKER_TABLES.keys() - {"alembic_version"}


def test_role_is_renewed(worker: Engine, postgres_database: Settings) -> None:
    with worker.connect() as connection:
        connection.exec_driver_sql("SELECT * FROM batches")
    migrations.ensure_worker(postgres_database, "another")
    with worker.connect() as connection:
        connection.exec_driver_sql("SELECT * FROM batches")


def test_several_may_renew_the_role_at_once(worker: Engine, postgres_database: Settings) -> None:
    with ThreadPoolExecutor(4) as pool:
        for renewed in [pool.submit(migrations.ensure_worker, postgres_database, "another") for _ in range(12)]:
            renewed.result()
    with worker.connect() as connection:
        connection.exec_driver_sql("SELECT * FROM batches")


def test_command_makes_the_role(postgres_database: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACE_API_DATABASE_URL", postgres_database.database_url)
    monkeypatch.setattr(config, "load", config.read)
    monkeypatch.setenv("WORKER_DATABASE_PASSWORD", "secret")
    ran = CliRunner().invoke(main, ["migrate"])
    assert ran.exit_code == 0 and "workers may log in as face-api-worker" in ran.output


def test_audit_trail_names_who_set_the_role(postgres_database: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACE_API_DATABASE_URL", postgres_database.database_url)
    monkeypatch.setattr(config, "load", config.read)
    monkeypatch.setattr(getpass, "getuser", lambda: "operator")
    CliRunner().invoke(main, ["migrate", "--worker-password", "not-to-be-told"])
    (record,) = role_records(postgres_database)
    assert (record.actor_kind, record.actor, record.outcome, record.detail) == ("cli", "operator", "ok", None)


def test_role_that_is_refused_is_not_recorded(
    worker: Engine, postgres_database: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = len(role_records(postgres_database))
    url = make_url(postgres_database.sqlalchemy_url).set(username=roles.WORKER)
    own = postgres_database.model_copy(update={"database_url": url.render_as_string(hide_password=False)})
    with pytest.raises(ProgrammingError):
        migrations.ensure_worker(own, "another")
    assert len(role_records(postgres_database)) == before


def test_command_goes_on_where_it_may_make_no_role(
    worker: Engine, postgres_database: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = make_url(postgres_database.sqlalchemy_url).set(username=roles.WORKER)
    monkeypatch.setenv("FACE_API_DATABASE_URL", url.render_as_string(hide_password=False))
    monkeypatch.setattr(config, "load", config.read)
    ran = CliRunner().invoke(main, ["migrate", "--worker-password", "secret"])
    assert ran.exit_code == 0 and "workers need the owner's URL: permission denied" in ran.output


def role_records(settings: Settings) -> list[AuditRecord]:
    """Return what the audit trail tells of the worker's role."""
    with closing(engine.session_factory(settings)()) as session:
        return session.query(AuditRecord).filter_by(deed=Deed.WORKER_ROLE_SET).all()


def _may_read(connection: Connection, table: str) -> bool:
    return bool(connection.scalar(text("SELECT has_table_privilege(:table, 'SELECT')"), {"table": table}))
