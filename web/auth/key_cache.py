"""API keys that were let in a moment ago: the key of a busy caller is not looked up for each of its calls."""

import hashlib
import threading
import time

from sqlalchemy.exc import SQLAlchemyError

from core.database.engine import SessionFactory
from core.errors import DatabaseUnavailable, KeyRevoked, Unauthenticated
from core.keys import keys

# chosen: so long a key may still be let in that another process has revoked
KNOWN_S = 1.0


class ApiKeyCache:
    """Knows who may come in. Only hashes are remembered, and only those of keys that were active."""

    def __init__(self, sessions: SessionFactory | None) -> None:
        self._sessions = sessions
        self._lock = threading.Lock()
        self._known: dict[bytes, tuple[str, float]] = {}  # the id, and until when it is believed
        self._changes = 0

    def authenticate(self, text: str) -> str:
        """Return the id of an active key; else Unauthenticated or KeyRevoked."""
        digest = hashlib.sha256(text.encode()).digest()
        key_id, until = self._known.get(digest, ("", 0.0))
        if time.monotonic() < until:
            return key_id
        changes = self._changes
        key_id = self._look_up(text)
        with self._lock:
            if changes == self._changes:  # else what was looked up may be what was changed
                self._known[digest] = key_id, time.monotonic() + KNOWN_S
        return key_id

    def forget(self) -> None:
        """Look up every key again: one was changed here."""
        with self._lock:
            self._changes += 1
            self._known.clear()

    def _look_up(self, text: str) -> str:
        if self._sessions is None:
            raise DatabaseUnavailable
        try:
            with self._sessions() as session:
                key = keys.find(session, text)
        except SQLAlchemyError as error:
            raise DatabaseUnavailable from error
        if key is None:
            raise Unauthenticated("this API key is not known")
        if not key.is_active:
            raise KeyRevoked
        return str(key.id)
