"""Logging out at the provider, too: what it knows the session there by, kept for as long as the session here lasts."""

import uuid

import redis

from web.auth import sessions
from web.auth.oidc.flows import NAMESPACE
from web.auth.sessions import Seal

# chosen: the token stands in a URL, of which servers take 8 KiB; without it the provider asks whoever logs out
MAX_TOKEN = 6 * 1024


class LogOuts:
    """The ID tokens of open sessions, in Redis; SessionsUnavailable when it can't be reached."""

    def __init__(self, client: "redis.Redis", seal: Seal, lifetime_s: int) -> None:
        self._redis, self._seal, self._lifetime_s = client, seal, lifetime_s

    def remember(self, session_id: uuid.UUID, id_token: str) -> None:
        """Remember the ID token that a session was opened by."""
        key = _key(session_id)
        if len(id_token) <= MAX_TOKEN:
            with sessions.translate_redis_errors():
                self._redis.set(key, self._seal.put_on(key, id_token), ex=self._lifetime_s)

    def take(self, session_id: uuid.UUID) -> str:
        """Return the ID token of a session that ends, and forget it; empty without one."""
        key = _key(session_id)
        with sessions.translate_redis_errors():
            return self._seal.take_off(key, self._redis.getdel(key)) or ""


def _key(session_id: uuid.UUID) -> str:
    return f"{NAMESPACE}id-token:{session_id}"
