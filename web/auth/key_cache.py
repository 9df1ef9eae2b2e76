"""API keys that were authenticated a moment ago: the key of a busy caller is not looked up for each of its calls."""

import hashlib
import threading
import time
from collections.abc import Callable

from cachetools import TTLCache
from sqlalchemy.exc import SQLAlchemyError

from core.access import keys
from core.access.authenticated import AuthenticatedKey
from core.database import engine
from core.database.clock import now
from core.database.engine import SessionFactory
from core.errors import DatabaseUnavailable, Unauthenticated

TTL_S = 1.0  # chosen: a key that another process has revoked may still be accepted for so long
MAX_KEYS = 10_000  # chosen: more than are in use within a second; about 10 MB


class ApiKeyCache:
    """Authenticates keys. Remembers only hashes, and only those of active keys."""

    def __init__(self, sessions: SessionFactory | None, timer: Callable[[], float] = time.monotonic) -> None:
        self._sessions = sessions
        self._lock = threading.Lock()
        self._keys: TTLCache[bytes, AuthenticatedKey] = TTLCache(MAX_KEYS, TTL_S, timer)  # by digest
        self._changes = 0

    def authenticate(self, text: str, address: str) -> AuthenticatedKey:
        """Return an active key that may be used now and from this address.

        Unauthenticated, KeyRevoked, KeyExpired, NetworkNotAllowed.
        """
        key = self._find(text)
        key.require_valid(now(), address)
        return key

    def _find(self, text: str) -> AuthenticatedKey:
        digest = hashlib.sha256(text.encode()).digest()
        with self._lock:
            known, changes = self._keys.get(digest), self._changes
        if known is not None:
            return known
        key = self._look_up(text)
        with self._lock:
            if changes == self._changes:  # else the lookup may have read the key before it was revoked
                self._keys[digest] = key
        return key

    def clear(self) -> None:
        """Look every key up again: one was changed here."""
        with self._lock:
            self._changes += 1
            self._keys.clear()

    def _look_up(self, text: str) -> AuthenticatedKey:
        if self._sessions is None:
            raise DatabaseUnavailable
        try:
            with self._sessions() as session:
                key = keys.find(session, text)
        except SQLAlchemyError as error:
            if not engine.is_outage(error):
                raise
            raise DatabaseUnavailable from error
        if key is None:
            raise Unauthenticated("this API key is not known")
        return AuthenticatedKey.of(key)
