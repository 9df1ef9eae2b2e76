"""Sessions of the administrator: a random token in a cookie, its session in Redis, so that logging out ends it."""

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
    """An open session of the administrator."""

    username: str
    expires_at: datetime


class Sessions:
    """The open sessions, in Redis; SessionsUnavailable when it can't be reached."""

    def __init__(self, settings: Settings, client: "redis.Redis") -> None:
        self._redis = client
        self._lifetime = timedelta(seconds=settings.session_lifetime_s)
        self._credentials = f"{settings.admin_user}\0{settings.admin_password.get_secret_value()}".encode()

    def open(self, username: str) -> tuple[str, Session]:
        """Start a session; its token is returned here and stored nowhere."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        session = Session(username, datetime.now(UTC).replace(microsecond=0) + self._lifetime)
        payload = json.dumps({"username": username, "expires_at": session.expires_at.isoformat()})
        with _translate_redis_errors():
            self._redis.set(self._key(token), payload, ex=self._lifetime)
        return token, session

    def find(self, token: str) -> Session | None:
        """Return the session of a token, or None when it has ended or never existed."""
        with _translate_redis_errors():
            payload = self._redis.get(self._key(token))
        if not payload:
            return None
        stored = json.loads(payload)
        return Session(stored["username"], datetime.fromisoformat(stored["expires_at"]))

    def close(self, token: str) -> None:
        """End a session; no error when it has ended already."""
        with _translate_redis_errors():
            self._redis.delete(self._key(token))

    def _key(self, token: str) -> str:
        """Hash a token: reading Redis must not be enough to log in, and another password ends all sessions."""
        message = token.encode(errors="surrogatepass")
        return NAMESPACE + hmac.new(self._credentials, message, hashlib.sha256).hexdigest()


@contextmanager
def _translate_redis_errors() -> Iterator[None]:
    try:
        yield
    except redis.RedisError as error:
        raise SessionsUnavailable from error
