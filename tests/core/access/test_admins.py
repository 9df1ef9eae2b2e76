"""Administrators of the table: created, found, changed, never a password in clear."""

import pytest
from sqlalchemy import event
from sqlalchemy import text as sql
from sqlalchemy.orm import Session

from core.access import admins, passwords
from core.contract.roles import Role
from core.database import audits
from core.database.audits import AuditFilter
from core.database.engine import SessionFactory
from core.database.models import AdminAccount
from core.errors import InvalidOption, NotFound, Unauthenticated

PASSWORD = "staple battery"


def made(session: Session, name: str = "Kim", role: Role = Role.OPERATOR) -> AdminAccount:
    return admins.create(session, name, PASSWORD, role, reserved="admin")


def test_password_is_hashed_with_argon2id(session: Session) -> None:
    made(session)
    row = session.execute(sql("SELECT * FROM admins")).mappings().one()
    assert row["password_hash"].startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert not any(PASSWORD in str(value) for value in row.values())
    assert passwords.is_right(PASSWORD, row["password_hash"])
    assert not passwords.is_right(PASSWORD + "!", row["password_hash"])


def test_own_change_comes_too_late_after_anothers(session: Session) -> None:
    """Asked for in a session that a reset has ended while the new password was hashed."""
    kim = made(session)
    admins.set_password(session, kim.id, "an owner's choice")
    with pytest.raises(Unauthenticated):
        admins.set_password(session, kim.id, "a thief's choice", generation=0)
    kept = admins.get(session, kim.id)
    assert passwords.is_right("an owner's choice", kept.password_hash) and kept.generation == 1
    assert admins.set_password(session, kim.id, "my own choice", generation=1).generation == 2


def test_changes_at_a_time_are_generations_of_their_own(sessions: SessionFactory) -> None:
    """Both have read the row before either writes: else the session of one would survive the other."""
    with sessions() as session:
        kim = made(session).id
    with sessions() as session:
        read = admins.get(session, kim)
        session.commit()
        with sessions() as other:
            theirs = admins.set_password(other, kim, "another staple").generation
        assert (theirs, admins.set_password(session, kim, "a third staple").generation, read.id) == (1, 2, kim)
        with sessions() as other:
            admins.change(other, kim, is_enabled=False)
        assert admins.change(session, kim, is_enabled=False).generation == 4


@pytest.mark.parametrize("name", ["Kim", "kim", "KIM"])
def test_name_is_unique_whatever_its_case(session: Session, name: str) -> None:
    made(session)
    with pytest.raises(InvalidOption, match="has this name already"):
        made(session, name)
    found = admins.find(session, name)
    assert found is not None and found.name == "Kim"


def test_name_that_was_taken_meanwhile_is_refused(sessions: SessionFactory) -> None:
    """It was free when it was looked up."""
    free = ["KIM"]

    def take(*_: object) -> None:
        while free:
            with sessions() as other:
                made(other, free.pop())

    with sessions() as session:
        event.listen(session, "before_flush", take)
        with pytest.raises(InvalidOption, match="has this name already"):
            made(session)


@pytest.mark.parametrize("name", ["admin", "Admin", "ADMIN"])
def test_name_of_the_settings_is_taken(session: Session, name: str) -> None:
    with pytest.raises(InvalidOption, match="has this name already"):
        made(session, name)


@pytest.mark.parametrize("name", ["", " Kim", "Kim ", "a:b", "a\nb", "a\0b", "\ud800", "x" * 81])
def test_names_that_nothing_can_carry_are_refused(session: Session, name: str) -> None:
    with pytest.raises(InvalidOption, match="name"):
        made(session, name)


@pytest.mark.parametrize("password", ["", "x" * 11, "x" * 1025])
def test_weak_passwords_are_refused(session: Session, password: str) -> None:
    with pytest.raises(InvalidOption, match="password"):
        admins.create(session, "Kim", password, Role.OWNER, reserved="admin")
    with pytest.raises(InvalidOption, match="password"):
        admins.set_password(session, made(session).id, password)


def test_password_of_nobody_is_never_right() -> None:
    assert not passwords.is_right(PASSWORD, None)
    assert not passwords.is_right("", None)


def test_what_ends_sessions_counts_up(session: Session) -> None:
    kim = made(session)
    admins.change(session, kim.id, role=Role.VIEWER)
    assert (kim.role, kim.generation) == (Role.VIEWER, 0)
    admins.set_password(session, kim.id, "another staple")
    admins.change(session, kim.id, is_enabled=False)
    assert (kim.is_enabled, kim.generation) == (False, 2)


def test_deleted_administrator_is_gone(session: Session) -> None:
    kim = made(session)
    admins.delete(session, kim.id)
    with pytest.raises(NotFound):
        admins.get(session, kim.id)
    with pytest.raises(NotFound):
        admins.named(session, "Kim")
    assert admins.find(session, "Kim") is None and made(session).id != kim.id


def test_each_deed_is_recorded_once(session: Session) -> None:
    kim = made(session)
    admins.change(session, kim.id, role=Role.OWNER)
    admins.set_password(session, kim.id, "another staple")
    admins.delete(session, kim.id)
    records = list(audits.every(session, AuditFilter(target=kim.id)))[::-1]
    assert [(one.deed, one.detail) for one in records] == [
        ("admin.created", {"name": "Kim", "role": "operator"}),
        ("admin.changed", {"name": "Kim", "role": "owner"}),
        ("admin.password", {"name": "Kim"}),
        ("admin.deleted", {"name": "Kim"}),
    ]
