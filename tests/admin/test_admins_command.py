"""`face-api admins`: passwords come from stdin, and nothing that is done is told twice."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from admin.main import main
from core import config
from core.access import admins, passwords
from core.database import audits, engine
from core.database.audits import AuditFilter

PASSWORD = "staple battery"


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CliRunner]:
    """Return the command line with a database of its own."""
    monkeypatch.setenv("FACE_API_VAR_DIR", str(tmp_path / "var"))
    config.load.cache_clear()
    runner = CliRunner()
    assert runner.invoke(main, ["migrate"]).exit_code == 0
    yield runner
    config.load.cache_clear()


def run(command: CliRunner, *words: str, typed: str = "") -> str:
    result = command.invoke(main, ["admins", *words], input=typed)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_administrator_is_made_changed_and_deleted(command: CliRunner, tmp_path: Path) -> None:
    made = run(command, "create", "Kim", "--role", "viewer", typed=f"{PASSWORD}\n")
    assert "enabled   viewer" in made and PASSWORD not in made
    assert "operator" in run(command, "role", "kim", "operator")
    assert "disabled" in run(command, "disable", "KIM") and "enabled " in run(command, "enable", "Kim")
    run(command, "password", "Kim", typed="another staple\n")
    first, listed = run(command, "list").splitlines()
    assert first.endswith("admin") and "owner" in first
    assert listed.endswith("never             Kim") and "operator" in listed
    sessions = engine.session_factory(config.read(var_dir=tmp_path / "var"))
    with sessions() as session:
        kim = admins.named(session, "kim")
        assert passwords.is_right("another staple", kim.password_hash)
        run(command, "delete", "Kim")
        records = list(audits.every(session, AuditFilter(target=kim.id)))
    assert [record.deed for record in records] == [
        *("admin.deleted", "admin.password", "admin.changed", "admin.changed", "admin.changed", "admin.created"),
    ]
    assert {record.actor_kind for record in records} == {"cli"}
    sessions.kw["bind"].dispose()


@pytest.mark.parametrize(
    ("words", "typed", "code", "reason"),
    [
        (["create", "Kim", "--role", "owner"], "short\n", 1, "12 to 1024 characters"),
        (["create", "Admin", "--role", "owner"], f"{PASSWORD}\n", 1, "has this name already"),
        (["create", "Kim", "--role", "king"], f"{PASSWORD}\n", 2, "king"),
        (["create", "Kim", "--role", "owner", "--password", PASSWORD], "", 2, "--password"),
        (["delete", "Kim"], "", 1, "no administrator 'Kim'"),
    ],
)
def test_what_is_wrong_is_said(command: CliRunner, words: list[str], typed: str, code: int, reason: str) -> None:
    result = command.invoke(main, ["admins", *words], input=typed)
    assert result.exit_code == code and reason in result.output


def test_without_a_database_there_are_none(command: CliRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACE_API_DATABASE_ENABLED", "false")
    monkeypatch.setenv("FACE_API_API_KEY_ENABLED", "false")
    config.load.cache_clear()
    result = command.invoke(main, ["admins", "list"])
    assert result.exit_code == 1 and "FACE_API_DATABASE_ENABLED" in result.output
