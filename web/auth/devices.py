"""Browsers in which the administrator has logged in: they are told by a signed cookie that lasts longer than a session.

Whoever shares their address can use up its attempts, but not theirs.
"""

import hashlib
import hmac
import secrets
import time
from functools import cached_property

from core.config import Settings

LIFETIME_S = 365 * 86400  # chosen: an administrator who comes once a year has other worries
NONCE_BYTES = 16
# chosen: 16 MiB and about 50 ms, once per process. Whoever steals a cookie could try passwords against its signature.
COST = {"n": 2**14, "r": 8, "p": 1, "dklen": 32}


class Devices:
    """Issues and reads the cookies: `nonce.expiry.signature`. Another password makes all of them invalid."""

    def __init__(self, settings: Settings) -> None:
        self._password = settings.admin_password.get_secret_value()
        self._user = settings.admin_user

    def issue(self, before: str | None) -> str:
        """Return a cookie for a browser that has just logged in. before: the cookie that it had; its name stays."""
        nonce = (before and self.read(before)) or secrets.token_urlsafe(NONCE_BYTES)
        signed = f"{nonce}.{int(time.time()) + LIFETIME_S}"
        return f"{signed}.{self._signature(signed)}"

    def read(self, cookie: str) -> str | None:
        """Return the name of the browser; None for a cookie that was not issued here, or has expired."""
        signed, _, signature = cookie.rpartition(".")
        nonce, _, expiry = signed.rpartition(".")
        genuine = hmac.compare_digest(self._signature(signed).encode(), signature.encode(errors="surrogatepass"))
        return nonce if genuine and int(expiry) > time.time() else None

    def _signature(self, signed: str) -> str:
        return hmac.new(self._key, signed.encode(errors="surrogatepass"), hashlib.sha256).hexdigest()

    @cached_property
    def _key(self) -> bytes:
        salt = f"face-api device {self._user}".encode()
        return hashlib.scrypt(self._password.encode(), salt=salt, **COST)
