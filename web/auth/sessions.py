"""Sessions of the administrator: a random cookie, and in Redis what it stands for, so that logging out ends it."""

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import redis

from core.config import Settings
from core.errors import SessionsUnavailable

NAMESPACE = "face-api:session:"
TOKEN_BYTES = 32


@dataclass(frozen=True)
class Session:
    """What a cookie stands for."""

    username: str
    expires_at: datetime


class Sessions:
    """Open sessions. SessionsUnavailable when Redis can't be reached."""

    def __init__(self, settings: Settings, client: "redis.Redis") -> None:
        self._redis = client
        self._lifetime = timedelta(seconds=settings.session_lifetime_s)
        self._credentials = f"{settings.admin_user}\0{settings.admin_password.get_secret_value()}".encode()

    def open(self, username: str) -> tuple[str, Session]:
        """Begin a session; the token is told here and kept nowhere."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        session = Session(username, datetime.now(UTC).replace(microsecond=0) + self._lifetime)
        kept = json.dumps({"username": username, "expires_at": session.expires_at.isoformat()})
        with _translated():
            self._redis.set(self._key(token), kept, ex=self._lifetime)
        return token, session

    def find(self, token: str) -> Session | None:
        """Return the session of a token, or None when it has ended or never was."""
        with _translated():
            kept = self._redis.get(self._key(token))
        if not kept:
            return None
        told = json.loads(kept)
        return Session(told["username"], datetime.fromisoformat(told["expires_at"]))

    def close(self, token: str) -> None:
        """End a session; one that has ended already is no error."""
        with _translated():
            self._redis.delete(self._key(token))

    def _key(self, token: str) -> str:
        """Whoever can read Redis must not be able to log in; and another password ends all sessions."""
        sent = token.encode(errors="surrogatepass")
        return NAMESPACE + hmac.new(self._credentials, sent, hashlib.sha256).hexdigest()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except redis.RedisError as error:
        raise SessionsUnavailable from error
