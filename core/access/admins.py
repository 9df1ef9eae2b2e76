"""Administrators of the table: created, changed, deleted. All SQL about them.

The one of the settings is none of these: it is an owner whatever the table says, so the last way in is never lost, and
its name can't be taken.
"""

import unicodedata
import uuid
from typing import Any

from sqlalchemy import delete as delete_from
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.access import passwords
from core.contract.deeds import Deed
from core.contract.roles import Role
from core.database import audits, pages
from core.database.admin_models import AdminAccount
from core.database.clock import now
from core.database.pages import Page
from core.errors import InvalidOption, NotFound, Unauthenticated
from core.errors.problems import FieldProblem

_UNKNOWN = "there is no administrator {}"
MAX_NAME = 80  # chosen: without upper case it has at most three times as many characters, which the column holds


def name_key(name: str) -> str:
    """Return what two names are the same by: upper and lower case don't differ."""
    return unicodedata.normalize("NFC", name).casefold()


def create(session: Session, name: str, password: str, role: Role, *, reserved: str) -> AdminAccount:
    """Create an administrator. reserved: the name of the settings' own. InvalidOption. Commits."""
    _require_valid(name)
    password_hash = passwords.hashed(password)
    key = name_key(name)
    taken = select(AdminAccount.id).where(AdminAccount.name_key == key)
    if key == name_key(reserved) or session.scalar(taken):
        raise _taken()
    account = AdminAccount(id=uuid.uuid4(), name=name, name_key=key, password_hash=password_hash, role=role)
    session.add(account)
    try:
        audits.record(session, Deed.ADMIN_CREATED, account.id, name=name, role=role)
        session.commit()
    except IntegrityError as error:  # somebody else was faster
        raise _taken() from error
    return account


def page(session: Session, page: int, per_page: int) -> Page[AdminAccount]:
    """Return one page of all administrators, oldest first."""
    return pages.fetch(session, select(AdminAccount).order_by(AdminAccount.created_at, AdminAccount.id), page, per_page)


def list_all(session: Session) -> list[AdminAccount]:
    """Return every administrator, oldest first."""
    return list(session.scalars(select(AdminAccount).order_by(AdminAccount.created_at, AdminAccount.id)))


def find(session: Session, name: str) -> AdminAccount | None:
    """Look up an administrator by name, enabled or not."""
    return session.scalar(select(AdminAccount).where(AdminAccount.name_key == name_key(name)))


def get(session: Session, admin_id: uuid.UUID) -> AdminAccount:
    """Return an administrator; NotFound without one."""
    account = session.get(AdminAccount, admin_id)
    if account is None:
        raise NotFound(_UNKNOWN.format(admin_id))
    return account


def named(session: Session, name: str) -> AdminAccount:
    """Return the administrator of this name; NotFound without one."""
    account = find(session, name)
    if account is None:
        raise NotFound(f"there is no administrator {name!r} in the table")
    return account


def change(session: Session, admin_id: uuid.UUID, **changes: Any) -> AdminAccount:
    """Change the role, or whether it is enabled; disabling ends all sessions. NotFound. Commits."""
    account = get(session, admin_id)
    if changes:
        audits.record(session, Deed.ADMIN_CHANGED, account.id, name=account.name, **changes)
    account.role = changes.get("role", account.role)
    account.is_enabled = changes.get("is_enabled", account.is_enabled)
    if not account.is_enabled:
        account.generation = AdminAccount.generation + 1
        session.flush()  # which locks the row
        session.refresh(account)
    session.commit()
    return account


def set_password(
    session: Session, admin_id: uuid.UUID, password: str, *, generation: int | None = None
) -> AdminAccount:
    """Replace a password, which ends all sessions. InvalidOption, NotFound. Commits.

    generation: that in which it was asked for; Unauthenticated where all of that has ended since. The database counts
    them: of two changes at a time, neither leaves the other's session open.
    """
    values = {"password_hash": passwords.hashed(password), "generation": AdminAccount.generation + 1}
    row = update(AdminAccount).where(AdminAccount.id == admin_id)
    asked = row if generation is None else row.where(AdminAccount.generation == generation)
    account = session.scalar(
        asked.values(values)
        .returning(AdminAccount)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    if account is None:
        raise NotFound(_UNKNOWN.format(admin_id)) if generation is None else Unauthenticated("this session has ended")
    audits.record(session, Deed.ADMIN_PASSWORD_SET, account.id, name=account.name)
    session.commit()
    return account


def delete(session: Session, admin_id: uuid.UUID) -> None:
    """Delete an administrator; its sessions end. NotFound. Commits."""
    name = session.scalar(delete_from(AdminAccount).where(AdminAccount.id == admin_id).returning(AdminAccount.name))
    if name is None:
        raise NotFound(_UNKNOWN.format(admin_id))
    audits.record(session, Deed.ADMIN_DELETED, admin_id, name=name)
    session.commit()


def note_login(session: Session, admin_id: uuid.UUID) -> None:
    """Remember when an administrator has logged in last; one that was deleted is skipped. Commits."""
    session.execute(update(AdminAccount).where(AdminAccount.id == admin_id).values(last_login_at=now()))
    session.commit()


def is_valid(name: str) -> bool:
    """Whether people can tell this name from others, and HTTP Basic and a database can carry it."""
    return 0 < len(name) <= MAX_NAME and name.isprintable() and name == name.strip() and ":" not in name


def _require_valid(name: str) -> None:
    if not is_valid(name):
        text = f"A name has 1 to {MAX_NAME} printable characters, none of them a colon, and no space around it"
        raise InvalidOption.of([FieldProblem("name", text)])


def _taken() -> InvalidOption:
    return InvalidOption.of([FieldProblem("name", "An administrator has this name already")])
