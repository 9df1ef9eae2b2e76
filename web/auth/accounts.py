"""Administrators of the table, as each request needs them: found without a query, passwords checked without a hash."""

import hashlib
import hmac
import secrets
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from cachetools import TTLCache
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from core.access import admins, passwords, second_factors
from core.config import Settings
from core.contract.roles import Role
from core.database import engine
from core.database.engine import SessionFactory
from core.database.models import AdminAccount
from core.errors import DatabaseUnavailable

ACCOUNT_TTL_S = 1.0  # chosen: whom another process has disabled may still be let in for so long
PASSWORD_TTL_S = 300.0  # chosen: a script that calls all the time costs one hash in five minutes
MAX_ACCOUNTS = 1000  # chosen: more than a service has


@dataclass(frozen=True)
class Account:
    """A row of the table, as it was a moment ago. generation: sessions of an earlier one have ended."""

    id: uuid.UUID
    name: str
    role: Role
    generation: int
    is_enabled: bool
    has_totp: bool


class Accounts:
    """Remembers accounts and, keyed by a secret of this process, which passwords were right; never a password.

    Without a database there are no accounts. Whoever is called like the settings' administrator is none either.
    """

    def __init__(
        self, settings: Settings, sessions: SessionFactory | None, timer: Callable[[], float] = time.monotonic
    ) -> None:
        self._sessions = sessions
        self._of_settings, self._reserved = settings.admin_user, admins.name_key(settings.admin_user)
        self._secret = secrets.token_bytes(32)
        self._lock = threading.Lock()  # guards the next three
        self._accounts: TTLCache[uuid.UUID, Account] = TTLCache(MAX_ACCOUNTS, ACCOUNT_TTL_S, timer)
        self._right: TTLCache[bytes, tuple[uuid.UUID, int]] = TTLCache(MAX_ACCOUNTS, PASSWORD_TTL_S, timer)
        self._changes = 0

    def find(self, account_id: uuid.UUID, generation: int = 0) -> Account | None:
        """Return an account that is enabled; DatabaseUnavailable.

        generation: it has had this one, so what was read before that is out of date.
        """
        with self._lock:
            known, changes = self._accounts.get(account_id), self._changes
        if known is None or known.generation < generation:
            with self._session() as session:
                row = session.get(AdminAccount, account_id)
            known = self._account(row)
            if known is None:
                return None
            with self._lock:
                if changes == self._changes:  # else it may have been read before it was changed
                    self._accounts[account_id] = known
        return known if known.is_enabled else None

    def authenticate(self, name: str, password: str) -> Account | None:
        """Return the enabled account of this name if the password is right; an unknown name takes as long.

        RateLimited while too many passwords are being checked; DatabaseUnavailable.
        """
        if self._sessions is None:
            return None
        digest = self._digest(name, password)
        with self._lock:
            account_id, generation = self._right.get(digest, (None, 0))
        if account_id and (account := self.find(account_id)) and account.generation == generation:
            return account
        with self._session() as session:
            row = admins.find(session, name) if admins.is_valid(name) else None
        account = self._account(row)
        is_right = passwords.is_right(password, row.password_hash if row and account else None)
        if account is None or not is_right or not account.is_enabled:
            return None
        with self._lock:
            self._right[digest] = account.id, account.generation
        return account

    def take_code(self, account_id: uuid.UUID, code: str) -> bool:
        """Whether a code is right, which it is once; DatabaseUnavailable."""
        with self._session() as session:
            return second_factors.take(session, account_id, code)

    def is_taken(self, name: str) -> bool:
        """Whether an administrator of the table or of the settings has this name; DatabaseUnavailable."""
        if admins.name_key(name) == self._reserved:
            return True
        if self._sessions is None:
            return False
        with self._session() as session:
            return admins.find(session, name) is not None

    def identify(self, name: str) -> tuple[str | None, uuid.UUID | None]:
        """Return name and id of the administrator who is called so, enabled or not, for a record; None where unknown.

        What somebody has typed may be a password, so it is never returned itself.
        """
        if admins.name_key(name) == self._reserved:
            return self._of_settings, None
        if self._sessions is None or not admins.is_valid(name):
            return None, None
        with suppress(DatabaseUnavailable), self._session() as session:
            if row := admins.find(session, name):
                return row.name, row.id
        return None, None

    def note_login(self, account_id: uuid.UUID) -> None:
        """Remember when this account has logged in last; DatabaseUnavailable."""
        with self._session() as session:
            admins.note_login(session, account_id)

    def clear(self) -> None:
        """Look every account up again: one was changed here."""
        with self._lock:
            self._changes += 1
            self._accounts.clear()

    def _account(self, row: AdminAccount | None) -> Account | None:
        if row is None or row.name_key == self._reserved:
            return None
        return Account(row.id, row.name, Role(row.role), row.generation, row.is_enabled, bool(row.totp_secret))

    def _digest(self, name: str, password: str) -> bytes:
        sent = f"{admins.name_key(name)}\0{password}".encode(errors="surrogatepass")
        return hmac.new(self._secret, sent, hashlib.sha256).digest()

    @contextmanager
    def _session(self) -> Iterator[Session]:
        if self._sessions is None:
            raise DatabaseUnavailable
        try:
            with self._sessions() as session:
                yield session
        except SQLAlchemyError as error:
            if not engine.is_outage(error):
                raise
            raise DatabaseUnavailable from error
