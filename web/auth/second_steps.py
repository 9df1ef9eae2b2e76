"""Log-ins whose password was right and whose code is still to come: the form holds a token, not the password."""

import hashlib
import json
import secrets
import uuid

import redis

from web.auth import sessions
from web.auth.sessions import Seal

NAMESPACE = "face-api:login-step:"
LIFETIME_S = 300  # chosen: to find a phone


class SecondSteps:
    """In Redis, so that any web process takes the code; SessionsUnavailable when it can't be reached."""

    def __init__(self, client: "redis.Redis", seal: Seal) -> None:
        self._redis, self._seal = client, seal

    def begin(self, account_id: uuid.UUID, generation: int) -> str:
        """Remember whose password was right; return the token."""
        token = secrets.token_urlsafe(sessions.TOKEN_BYTES)
        with sessions.translate_redis_errors():
            stored = self._seal.put_on(f"step {token}", json.dumps([str(account_id), generation]))
            self._redis.set(_key(token), stored, ex=LIFETIME_S)
        return token

    def find(self, token: str) -> tuple[uuid.UUID, int] | None:
        """Return whose password was right, and the generation of the account then; None when that is too long ago."""
        with sessions.translate_redis_errors():
            stored = self._seal.take_off(f"step {token}", self._redis.get(_key(token)))
        if not stored:
            return None
        account_id, generation = json.loads(stored)
        return uuid.UUID(account_id), generation

    def end(self, token: str) -> None:
        """Forget it: the code was right."""
        with sessions.translate_redis_errors():
            self._redis.delete(_key(token))


def _key(token: str) -> str:
    return NAMESPACE + hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()
