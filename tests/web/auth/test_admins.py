"""What an administrator who was let in may still do, asked again without their doing anything."""

import uuid
from datetime import timedelta

import pytest
import redis

from core import config
from core.access import admins as table
from core.contract.roles import Role
from core.database.engine import SessionFactory
from web.auth import sessions as web_sessions
from web.auth.accounts import Accounts
from web.auth.admins import Admins
from web.auth.log_ins import Admin
from web.auth.sessions import NAMESPACE, Session
from web.auth.trails import Trail

PASSWORD = "staple battery"


@pytest.fixture
def kim(sessions: SessionFactory) -> uuid.UUID:
    with sessions() as session:
        return table.create(session, "Kim", PASSWORD, Role.OPERATOR, reserved="admin").id


@pytest.fixture
def admins(valkey: str, sessions: SessionFactory) -> Admins:
    """Administrators whose accounts are looked up each time."""
    settings = config.read(admin_password="correct horse")
    moments = iter(range(1_000_000))
    known = Accounts(settings, sessions, timer=lambda: 10.0 * next(moments))
    return Admins(settings, redis.Redis.from_url(valkey), Trail(sessions), known)


def let_in(admins: Admins, account_id: uuid.UUID, *, by_session: bool) -> Admin:
    account = admins.accounts.find(account_id)
    assert account is not None
    admin = Admin.of_account(account)
    if not by_session:
        return admin
    kept = Session("Kim", admin.role, account_id=account_id, generation=admin.generation)
    _, opened = admins.sessions.open(kept)
    return Admin("Kim", admin.role, "session", account_id=account_id, generation=admin.generation, session=opened)


@pytest.mark.parametrize("by_session", [True, False])
def test_role_is_that_of_now(admins: Admins, sessions: SessionFactory, kim: uuid.UUID, by_session: bool) -> None:
    admin = let_in(admins, kim, by_session=by_session)
    for role in (Role.OPERATOR, Role.VIEWER):
        with sessions() as session:
            table.change(session, kim, role=role)
        found = admins.recheck(admin)
        assert found is not None and (found.username, found.role) == ("Kim", role)


@pytest.mark.parametrize("by_session", [True, False])
@pytest.mark.parametrize("end", ["disabled", "password", "deleted"])
def test_account_that_ends_lets_in_no_more(
    admins: Admins, sessions: SessionFactory, kim: uuid.UUID, end: str, by_session: bool
) -> None:
    admin = let_in(admins, kim, by_session=by_session)
    assert admins.recheck(admin)
    with sessions() as session:
        if end == "disabled":
            table.change(session, kim, is_enabled=False)
        elif end == "password":
            table.set_password(session, kim, f"another {PASSWORD}")
        else:
            table.delete(session, kim)
    assert admins.recheck(admin) is None


def test_administrator_of_the_settings_stays(admins: Admins) -> None:
    admin = Admin("admin", Role.OWNER)
    assert admins.recheck(admin) == admin


def test_session_that_is_asked_for_again_is_not_seen(
    admins: Admins, kim: uuid.UUID, valkey: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, opened = admins.sessions.open(Session("admin", Role.OWNER))
    admin = Admin("admin", Role.OWNER, "session", session=opened)
    later = opened.seen_at + timedelta(hours=1)
    monkeypatch.setattr(web_sessions, "_now", lambda: later)
    assert admins.recheck(admin)
    stored = admins.sessions.get(opened.id)
    assert stored is not None and stored.seen_at == opened.seen_at
    seen = admins.sessions.find(token)
    assert seen is not None and admins.sessions.get(opened.id) != stored
    admins.sessions.close(token)
    assert admins.recheck(admin) is None
    assert redis.Redis.from_url(valkey).get(f"{NAMESPACE}{opened.id}") is None
