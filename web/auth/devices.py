"""Browsers in which an administrator has logged in: they are told by a signed cookie that lasts longer than a session.

Whoever shares their address can use up its attempts, but not theirs.
"""

import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass
from functools import cached_property

from core.access import admins
from core.config import Settings

LIFETIME_S = 365 * 86400  # chosen: an administrator who comes once a year has other worries
NONCE_BYTES = 16
ACCOUNT_DIGITS = 16
# chosen: 16 MiB and about 50 ms, once per process. Whoever steals a cookie could try passwords against its signature.
COST = {"n": 2**14, "r": 8, "p": 1, "dklen": 32}


@dataclass(frozen=True)
class Device:
    """A browser. account: who has logged in last, as `Devices.account` names them; '' in cookies of before."""

    name: str
    account: str


class Devices:
    """Issues and reads the cookies: `name~account.expiry.signature`. Another password makes all of them invalid."""

    def __init__(self, settings: Settings) -> None:
        self._password = settings.admin_password.get_secret_value()
        self._user = settings.admin_user

    def issue(self, before: str | None, username: str) -> str:
        """Return a cookie for a browser in which somebody has just logged in. before: its last one; the name stays."""
        device = self.read(before) if before else None
        name = device.name if device else secrets.token_urlsafe(NONCE_BYTES)
        signed = f"{name}~{self.account(username)}.{int(time.time()) + LIFETIME_S}"
        return f"{signed}.{self._signature(signed)}"

    def read(self, cookie: str) -> Device | None:
        """Return the browser; None for a cookie that was not issued here, or has expired."""
        signed, _, signature = cookie.rpartition(".")
        told, _, expiry = signed.rpartition(".")
        genuine = hmac.compare_digest(self._signature(signed).encode(), signature.encode(errors="surrogatepass"))
        name, _, account = told.partition("~")
        return Device(name, account) if genuine and int(expiry) > time.time() else None

    def account(self, username: str) -> str:
        """Name an account in cookies and in Redis, neither of which tells what people are called."""
        return self._signature(f"account {admins.name_key(username)}")[:ACCOUNT_DIGITS]

    def _signature(self, signed: str) -> str:
        return hmac.new(self._key, signed.encode(errors="surrogatepass"), hashlib.sha256).hexdigest()

    @cached_property
    def _key(self) -> bytes:
        salt = f"face-api device {self._user}".encode()
        return hashlib.scrypt(self._password.encode(), salt=salt, **COST)
