"""Which errors of a database are an outage, and which are a defect of ours."""

from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from core import config
from core.database import engine
from core.observability import logs
from tests.ports import free_port


def failure(statement: str, **settings: object) -> SQLAlchemyError:
    made = engine.session_factory(config.read(**settings))
    with pytest.raises(SQLAlchemyError) as caught, made() as session:
        session.execute(text(statement), {"name": "holiday.png"})
    return caught.value


@pytest.mark.parametrize(
    "statement", ["SELECT * FROM nowhere WHERE :name = ''", "SELEC :name", "SELECT nothing, :name"]
)
def test_wrong_statement_is_a_defect(tmp_path: Path, statement: str) -> None:
    error = failure(statement, var_dir=tmp_path)
    assert not engine.is_outage(error)
    assert "holiday" not in f"{error}{logs.reason(error)}"


def test_file_that_cannot_be_opened_is_an_outage(tmp_path: Path) -> None:
    assert engine.is_outage(failure("SELECT :name", var_dir=tmp_path / "nowhere"))


def test_file_that_is_no_database_is_an_outage(tmp_path: Path) -> None:
    (tmp_path / "face-api.sqlite3").write_text("no database" * 100)
    assert engine.is_outage(failure("SELECT :name", var_dir=tmp_path))


def test_refused_row_is_a_defect(tmp_path: Path) -> None:
    made = engine.create(config.read(var_dir=tmp_path))
    with made.connect() as connection:
        connection.execute(text("CREATE TABLE pictures (name TEXT PRIMARY KEY)"))
        connection.execute(text("INSERT INTO pictures VALUES ('a')"))
        with pytest.raises(SQLAlchemyError) as caught:
            connection.execute(text("INSERT INTO pictures VALUES ('a')"))
    assert not engine.is_outage(caught.value)


def test_server_that_is_not_there_is_an_outage() -> None:
    url = f"postgresql://face-api@127.0.0.1:{free_port()}/face-api"
    assert engine.is_outage(failure("SELECT :name", database_url=url))


def test_locked_file_is_an_outage(tmp_path: Path) -> None:
    made = engine.create(config.read(var_dir=tmp_path))
    with made.connect() as writer:
        writer.execute(text("CREATE TABLE pictures (name TEXT)"))
        writer.execute(text("BEGIN IMMEDIATE"))
        with made.connect() as other:
            other.execute(text("PRAGMA busy_timeout=1"))
            with pytest.raises(SQLAlchemyError) as caught:
                other.execute(text("INSERT INTO pictures VALUES ('a')"))
    assert engine.is_outage(caught.value)
