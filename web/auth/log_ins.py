"""Logging in: credentials and codes, checked at a bounded cost and counted, so that nobody guesses for long."""

import hashlib
import hmac
import uuid
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

import redis

from core.access.lockouts import Lockout, LoginSource
from core.config import Settings
from core.contract.deeds import Deed
from core.contract.roles import Role
from core.errors import CodeRequired, DatabaseUnavailable, InvalidOption, Unauthenticated
from core.errors.problems import FieldProblem
from web.auth import cookies
from web.auth.accounts import Account, Accounts
from web.auth.devices import Device, Devices
from web.auth.second_steps import SecondSteps
from web.auth.sessions import Seal, Session
from web.auth.trails import Trail
from web.requests import client_address


@dataclass(frozen=True)
class Admin:
    """An administrator, as a request or a log-in has shown. account_id, generation: of a row of the table.

    method: of the log-in: `password`, or the name of another way, which knows them by a subject. session: of the
    request. needs_code: the password was right, and nobody is let in before a code was, too.
    """

    username: str
    role: Role
    auth_method: Literal["session", "basic"] = "basic"
    expires_at: datetime | None = None
    account_id: uuid.UUID | None = None
    generation: int = 0
    method: str = "password"
    subject: str = ""
    session: Session | None = None
    needs_code: bool = False

    @classmethod
    def of_account(cls, account: Account) -> "Admin":
        return cls(
            username=account.name,
            role=account.role,
            account_id=account.id,
            generation=account.generation,
            needs_code=account.has_totp,
        )


class LogIns:
    """Checks who wants to log in: the administrator of the settings, and those of the table."""

    def __init__(self, settings: Settings, client: "redis.Redis", trail: Trail, accounts: Accounts) -> None:
        self.devices = Devices(settings)
        self._accounts = accounts
        self._trail = trail
        self._steps = SecondSteps(client, Seal(settings))
        self._lockout = Lockout(client, settings.rate_limit_failed_logins)
        self._user, self._password = settings.admin_user, settings.admin_password.get_secret_value()
        self._credentials = _digest(self._user, self._password)

    @property
    def are_possible(self) -> bool:
        """Whether there is a password of the settings, without which nobody is let in."""
        return bool(self._password)

    def device(self) -> Device | None:
        """Return the browser of the request; None unless somebody has logged in there before."""
        cookie = cookies.read(cookies.DEVICE)
        return self.devices.read(cookie) if cookie and self._password else None

    def source_name(self) -> str:
        """Return whose attempts this one counts with: those of a browser with a log-in before, or of an address."""
        device = self.device()
        return f"device:{device.name}" if device else client_address()

    def _source(self, username: str) -> LoginSource:
        device, account = self.device(), self.devices.account(username)
        return LoginSource(self.source_name(), account, is_known=device is not None and device.account == account)

    def log_in(self, username: str, password: str, code: str) -> Admin:
        """Check credentials, and the code of whoever has codes: CodeRequired without it; else as `check`."""
        admin = self.check(username, password)
        if admin.needs_code and not code:
            raise CodeRequired
        return self.take_code(admin, code) if admin.needs_code else admin

    def check(self, username: str, password: str) -> Admin:
        """Check credentials: Unauthenticated when they are wrong, RateLimited when they were wrong too often.

        Where a code is still needed nothing is counted: else the password would make up for wrong codes.
        """
        source = self._source(username)
        if hmac.compare_digest(_digest(username, password), self._credentials):
            self._lockout.count(source, correct=True)
            return Admin(self._user, Role.OWNER)
        self._lockout.require_free(source)  # nobody who is blocked makes this process hash passwords
        account = self._account(username, password)
        if account is None or not account.has_totp:
            self._count(source, username, correct=account is not None)
        if account is None:
            raise Unauthenticated
        return Admin.of_account(account)

    def take_code(self, admin: Admin, code: str) -> Admin:
        """Check the code of somebody whose password was right: Unauthenticated, RateLimited.

        Wrong ones count for the account, too, wherever they come from: six digits are soon guessed from many places.
        """
        source, of_account = self._source(admin.username), LoginSource(f"codes:{admin.account_id}", is_known=True)
        for one in (source, of_account):
            self._lockout.require_free(one)
        is_right = admin.account_id is not None and self._accounts.take_code(admin.account_id, code)
        with suppress(Unauthenticated):
            self._lockout.count(of_account, correct=is_right)
        self._count(source, admin.username, correct=is_right)
        return replace(admin, needs_code=False)

    def begin_second_step(self, admin: Admin) -> str:
        """Return a token that stands for the password, which was right, while the code is asked for."""
        assert admin.account_id is not None  # noqa: S101 - only an account has codes
        return self._steps.begin(admin.account_id, admin.generation)

    def finish_second_step(self, token: str, code: str) -> Admin:
        """Check the code; the token stands for nothing after that. Unauthenticated, RateLimited."""
        account_id, generation = self._steps.find(token) or (None, 0)
        account = self._accounts.find(account_id, generation) if account_id else None
        if account is None or account.generation != generation:
            raise Unauthenticated("the log-in took too long: begin again")
        admin = self.take_code(Admin.of_account(account), code)
        self._steps.end(token)
        return admin

    def confirm_password(self, admin: Admin, password: str) -> None:
        """Raise InvalidOption unless this is the own password; RateLimited after too many that were not."""
        source = self._source(admin.username)
        self._lockout.require_free(source)
        account = self._accounts.authenticate(admin.username, password)
        try:
            is_right = account is not None and account.id == admin.account_id
            self._count(source, admin.username, correct=is_right)
        except Unauthenticated as error:
            raise InvalidOption.of([FieldProblem("current_password", "This is not your password")]) from error

    def _account(self, username: str, password: str) -> Account | None:
        """Return the account with these credentials. While there is no database only the settings' name is judged."""
        try:
            return self._accounts.authenticate(username, password)
        except DatabaseUnavailable:
            if username != self._user:
                raise
            return None

    def _count(self, source: LoginSource, tried: str, *, correct: bool) -> None:
        """Count an attempt, as the lockout does, and record one that failed. tried: the name."""
        try:
            self._lockout.count(source, correct=correct)
        except Unauthenticated as error:  # who is blocked is not recorded each time: that would fill the trail
            name, account_id = self._accounts.identify(tried)
            self._trail.add_if_possible(Deed.LOG_IN, error.code, account_id, **({"name": name} if name else {}))
            raise


def _digest(username: str, password: str) -> bytes:
    """Hash both to one value of a fixed length, so that comparing takes equally long whatever was sent."""
    parts = (part.encode(errors="surrogatepass") for part in (username, password))
    return b"".join(hashlib.sha256(part).digest() for part in parts)
