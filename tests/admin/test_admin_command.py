"""`face-api admin unlock`: failed log-ins are forgotten, and the audit trail tells who has done that."""

import getpass
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from click.testing import CliRunner

from admin.main import main
from core import config
from core.access import lockouts
from core.access.lockouts import Lockout, LoginSource
from core.database import audits, engine
from core.database.audit_models import AuditRecord
from core.database.audits import AuditFilter
from core.errors import Unauthenticated
from tests import databases


@pytest.fixture
def command(tmp_path: Path, valkey: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[CliRunner]:
    """Return the command line, and one address that has failed to log in; there is no database yet."""
    monkeypatch.setenv("FACE_API_VAR_DIR", str(tmp_path / "var"))
    monkeypatch.setenv("FACE_API_REDIS_URL", valkey)
    config.load.cache_clear()
    with redis.Redis.from_url(valkey) as client:
        lockouts.unlock(client)
        with pytest.raises(Unauthenticated):
            Lockout(client, "1000/hour").count(LoginSource(str(uuid.uuid4())), correct=False)
        yield CliRunner()
        assert lockouts.unlock(client) == 0
    config.load.cache_clear()


def recorded(folder: Path) -> list[AuditRecord]:
    sessions = engine.session_factory(config.read(var_dir=folder / "var"))
    with sessions() as session:
        found = list(audits.every(session, AuditFilter(deed="session.unlocked")))
    sessions.kw["bind"].dispose()
    return found


def test_unlocking_is_recorded(command: CliRunner, tmp_path: Path) -> None:
    databases.migrate(config.read(var_dir=tmp_path / "var"))
    ran = command.invoke(main, ["admin", "unlock"])
    assert (ran.exit_code, ran.stdout, ran.stderr) == (0, "unlocked: 1 address or browser\n", "")
    (record,) = recorded(tmp_path)
    assert (record.actor_kind, record.actor, record.outcome) == ("cli", getpass.getuser(), "ok")
    assert (record.target, record.detail) == (None, {"forgotten": 1})


def test_nobody_stays_locked_out_for_lack_of_a_record(command: CliRunner) -> None:
    ran = command.invoke(main, ["admin", "unlock"])
    assert (ran.exit_code, ran.stdout) == (0, "unlocked: 1 address or browser\n")
    assert "not in the audit trail" in ran.stderr


def test_unlocking_without_a_database_records_nothing(command: CliRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACE_API_DATABASE_ENABLED", "false")
    monkeypatch.setenv("FACE_API_API_KEY_ENABLED", "false")
    config.load.cache_clear()
    ran = command.invoke(main, ["admin", "unlock"])
    assert (ran.exit_code, ran.stdout, ran.stderr) == (0, "unlocked: 1 address or browser\n", "")
