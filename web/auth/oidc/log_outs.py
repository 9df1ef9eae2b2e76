"""Logging out at the provider, too: what it knows the session there by, kept for as long as the session here lasts."""

import uuid

import redis

from web.auth import sessions
from web.auth.oidc.flows import NAMESPACE

# chosen: the token stands in a URL, of which servers take 8 KiB; without it the provider asks whoever logs out
MAX_TOKEN = 6 * 1024


class LogOuts:
    """The ID tokens of open sessions, in Redis; SessionsUnavailable when it can't be reached."""

    def __init__(self, client: "redis.Redis", lifetime_s: int) -> None:
        self._redis, self._lifetime_s = client, lifetime_s

    def remember(self, session_id: uuid.UUID, id_token: str) -> None:
        """Remember the ID token that a session was opened by."""
        if len(id_token) <= MAX_TOKEN:
            with sessions.translate_redis_errors():
                self._redis.set(_key(session_id), id_token, ex=self._lifetime_s)

    def take(self, session_id: uuid.UUID) -> str:
        """Return the ID token of a session that ends, and forget it; empty without one."""
        with sessions.translate_redis_errors():
            stored = self._redis.getdel(_key(session_id))
        return stored.decode() if isinstance(stored, bytes) else stored or ""


def _key(session_id: uuid.UUID) -> str:
    return f"{NAMESPACE}id-token:{session_id}"
