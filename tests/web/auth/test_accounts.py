"""What a web process remembers of administrators, and for how long."""

from pathlib import Path

import pytest
from sqlalchemy.exc import SQLAlchemyError

from core import config
from core.access import admins, passwords
from core.contract.roles import Role
from core.database import engine
from core.database.engine import SessionFactory
from core.errors import RateLimited
from web.auth import accounts
from web.auth.accounts import Accounts

PASSWORD = "staple battery"


@pytest.fixture
def sessions(sessions: SessionFactory) -> SessionFactory:
    """Open sessions of a database with one account."""
    with sessions() as session:
        admins.create(session, "Kim", PASSWORD, Role.OPERATOR, reserved="admin")
    return sessions


@pytest.fixture
def hashes(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """The hashes that passwords have been compared with."""
    compared: list[str | None] = []
    is_right = passwords.is_right

    def noted(password: str, password_hash: str | None) -> bool:
        compared.append(password_hash)
        return is_right(password, password_hash)

    monkeypatch.setattr(passwords, "is_right", noted)
    return compared


def made(sessions: SessionFactory | None, clock: list[float] | None = None, user: str = "admin") -> Accounts:
    now = clock or [1000.0]
    return Accounts(config.read(admin_user=user), sessions, timer=lambda: now[0])


def test_right_password_is_hashed_once(sessions: SessionFactory, hashes: list[str | None]) -> None:
    clock = [1000.0]
    known = made(sessions, clock)
    for _ in range(5):
        found = known.authenticate("KIM", PASSWORD)
        assert found is not None and (found.name, found.role) == ("Kim", Role.OPERATOR)
    assert len(hashes) == 1
    clock[0] += accounts.PASSWORD_TTL_S
    assert known.authenticate("kim", PASSWORD)
    assert len(hashes) == 2


def test_unknown_names_cost_as_much_as_wrong_passwords(sessions: SessionFactory, hashes: list[str | None]) -> None:
    known = made(sessions)
    for name in ("Kim", "nobody", "admin", "\ud800", "a\0b", "x" * 500):
        assert known.authenticate(name, "wrong password") is None
        assert known.authenticate(name, "wrong password") is None
    assert len(hashes) == 12 and hashes.count(None) == 10


@pytest.mark.parametrize("change", ["password", "disable", "delete"])
def test_what_another_process_changes_counts_soon(sessions: SessionFactory, change: str) -> None:
    clock = [1000.0]
    known = made(sessions, clock)
    account = known.authenticate("Kim", PASSWORD)
    assert account is not None
    with sessions() as session:
        if change == "password":
            admins.set_password(session, account.id, "another staple")
        elif change == "disable":
            admins.change(session, account.id, is_enabled=False)
        else:
            admins.delete(session, account.id)
    clock[0] += accounts.ACCOUNT_TTL_S
    assert known.authenticate("Kim", PASSWORD) is None
    found = known.find(account.id)
    assert found is None or found.generation == account.generation + 1


def test_change_here_counts_at_once(sessions: SessionFactory) -> None:
    known = made(sessions)
    account = known.authenticate("Kim", PASSWORD)
    assert account is not None and known.find(account.id)
    with sessions() as session:
        admins.change(session, account.id, is_enabled=False)
    known.clear()
    assert known.find(account.id) is None and known.authenticate("Kim", PASSWORD) is None


def test_session_that_another_process_has_opened_counts_at_once(sessions: SessionFactory) -> None:
    known = made(sessions)
    account = known.authenticate("Kim", PASSWORD)
    assert account is not None and known.find(account.id)
    with sessions() as session:
        changed = admins.set_password(session, account.id, "another staple")
    found = known.find(account.id, changed.generation)
    assert found is not None and found.generation == changed.generation


def test_disabled_account_is_unknown(sessions: SessionFactory, hashes: list[str | None]) -> None:
    with sessions() as session:
        admins.change(session, admins.named(session, "Kim").id, is_enabled=False)
    assert made(sessions).authenticate("Kim", PASSWORD) is None
    assert len(hashes) == 1 and hashes[0]


def test_settings_name_shadows_a_row(sessions: SessionFactory) -> None:
    known = made(sessions, user="KIM")
    assert known.authenticate("Kim", PASSWORD) is None
    with sessions() as session:
        assert known.find(admins.named(session, "Kim").id) is None


def test_known_account_needs_no_database(sessions: SessionFactory) -> None:
    known = made(sessions)
    assert known.authenticate("Kim", PASSWORD)
    known.authenticate("Kim", PASSWORD)
    with sessions() as session:
        session.connection().exec_driver_sql("ALTER TABLE admins RENAME TO gone")
        session.commit()
    assert known.authenticate("Kim", PASSWORD)
    with pytest.raises(SQLAlchemyError, match="admins"):
        known.authenticate("Kim", "wrong password")


def test_without_a_database_there_are_none(hashes: list[str | None]) -> None:
    assert made(None).authenticate("Kim", PASSWORD) is None and hashes == []


def test_few_passwords_are_hashed_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "WAIT_S", 0.01)
    held = [passwords._slots.acquire(blocking=False) for _ in range(passwords.AT_ONCE)]
    try:
        assert all(held)
        with pytest.raises(RateLimited):
            passwords.is_right(PASSWORD, None)
    finally:
        for _ in held:
            passwords._slots.release()
    assert not passwords.is_right(PASSWORD, None)


@pytest.mark.parametrize(
    ("tried", "name"), [("KIM", "Kim"), ("Admin", "admin"), ("horse battery", None), ("\ud800", None)]
)
def test_only_who_exists_is_identified(sessions: SessionFactory, tried: str, name: str | None) -> None:
    found, account_id = made(sessions).identify(tried)
    assert found == name
    assert (account_id is not None) == (name == "Kim")


def test_nobody_is_identified_while_the_database_is_down(tmp_path: Path) -> None:
    down = engine.session_factory(config.read(var_dir=tmp_path / "var", database_url=f"sqlite:///{tmp_path}/no/such"))
    assert made(down).identify("kim") == (None, None)
    assert made(None).identify("kim") == (None, None)
