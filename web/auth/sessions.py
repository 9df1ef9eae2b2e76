"""Sessions of administrators: a random token in a cookie, its session in Redis, so that logging out ends it."""

import hashlib
import hmac
import json
import secrets
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Protocol, Self

import redis

from core.config import Settings
from core.contract.roles import Role
from core.errors import SessionsUnavailable
from web.auth import devices

# A process of an earlier version, which knows neither roles nor seals, must not take such a session for its own.
NAMESPACE = "face-api:session:sealed:"
OF_ONE = "face-api:sessions-of:"
TOKEN_BYTES = 32
SEAL_DIGITS = 64
SEEN_EVERY = timedelta(minutes=1)  # chosen: no write for each picture of a page
MAX_BROWSER = 200  # chosen: of a User-Agent, so much tells which browser it is


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


@dataclass(frozen=True)
class Session:
    """An open session of an administrator.

    method: how it was opened: `password`, or the name of another way to log in. account_id: of the row of the table,
    which then has the role; generation: of that row. subject: what another way to log in knows them by: names may
    change hands there. id: what it is known by, which opens nothing.
    """

    username: str
    role: Role
    method: str = "password"
    subject: str = ""
    account_id: uuid.UUID | None = None
    generation: int = 0
    address: str | None = None
    browser: str = ""
    created_at: datetime = field(default_factory=_now)
    seen_at: datetime = field(default_factory=_now)
    expires_at: datetime = field(default_factory=_now)
    id: uuid.UUID = field(default_factory=uuid.uuid4)

    def as_json(self) -> str:
        stored = {name: value for name, value in vars(self).items() if name != "id"}
        return json.dumps(stored, default=str)

    @classmethod
    def of_json(cls, text: bytes | str, session_id: uuid.UUID) -> Self:
        stored: dict[str, Any] = json.loads(text)
        moments = {name: datetime.fromisoformat(stored[name]) for name in ("created_at", "seen_at", "expires_at")}
        account = stored["account_id"] and uuid.UUID(stored["account_id"])
        return cls(**stored | moments | {"role": Role(stored["role"]), "account_id": account, "id": session_id})


class SessionOwner(Protocol):
    """Whose sessions: of a row of the table, or of somebody whom a way to log in knows by a subject, or by name."""

    @property
    def username(self) -> str: ...
    @property
    def method(self) -> str: ...
    @property
    def subject(self) -> str: ...
    @property
    def account_id(self) -> uuid.UUID | None: ...


def owner_of(owner: SessionOwner) -> str:
    """Return what all sessions of the same administrator have in common."""
    return str(owner.account_id or f"{owner.method} {owner.subject or owner.username}")


class Seal:
    """Tells what this tier has written into Redis: workers, which decode strangers' pictures, can write there, too.

    They must make nobody an owner. Another password of the settings breaks every seal.
    """

    def __init__(self, settings: Settings) -> None:
        self._user, self._password = settings.admin_user, settings.admin_password.get_secret_value()

    def put_on(self, purpose: str, text: str) -> str:
        return self.mac(purpose, text) + text

    def take_off(self, purpose: str, stored: bytes | str | None) -> str | None:
        """Return the text; None for what was not sealed for this purpose."""
        sealed = _text(stored or "")
        seal, text = sealed[:SEAL_DIGITS], sealed[SEAL_DIGITS:]
        return text if hmac.compare_digest(self.mac(purpose, text).encode(), seal.encode()) else None

    def mac(self, purpose: str, text: str) -> str:
        message = f"{purpose}\0{text}".encode(errors="surrogatepass")
        return hmac.new(self._secret, message, hashlib.sha256).hexdigest()

    @cached_property
    def _secret(self) -> bytes:
        """Whoever reads Redis could try passwords against what is there, but at this cost each."""
        salt = f"face-api session {self._user}".encode()
        return hashlib.scrypt(self._password.encode(), salt=salt, **devices.COST)


class Sessions:
    """The open sessions, in Redis; SessionsUnavailable when it can't be reached."""

    def __init__(self, settings: Settings, client: "redis.Redis") -> None:
        self._redis = client
        self._lifetime = timedelta(seconds=settings.session_lifetime_s)
        self._seal = Seal(settings)

    def open(self, session: Session) -> tuple[str, Session]:
        """Start a session; its token is returned here and stored nowhere."""
        token, started = secrets.token_urlsafe(TOKEN_BYTES), _now()
        opened = replace(
            session,
            id=self._id(token),
            browser=session.browser[:MAX_BROWSER],
            created_at=started,
            seen_at=started,
            expires_at=started + self._lifetime,
        )
        with translate_redis_errors(), self._redis.pipeline() as pipeline:
            pipeline.set(_key(opened.id), self._stored(opened), ex=self._lifetime)
            pipeline.sadd(self._set(owner_of(opened)), str(opened.id))
            pipeline.expire(self._set(owner_of(opened)), self._lifetime)
            pipeline.execute()
        return token, opened

    def find(self, token: str) -> Session | None:
        """Return the session of a token, or None when it has ended or never existed; note that it was seen."""
        session_id = self._id(token)
        with translate_redis_errors():
            session = self._session(self._redis.get(_key(session_id)), session_id)
            if session and _now() - session.seen_at >= SEEN_EVERY:
                seen = self._stored(replace(session, seen_at=_now()))
                self._redis.set(_key(session_id), seen, xx=True, keepttl=True)  # one that has ended stays ended
        return session

    def get(self, session_id: uuid.UUID) -> Session | None:
        """Return an open session by what it is known by; nobody has used it by that."""
        with translate_redis_errors():
            return self._session(self._redis.get(_key(session_id)), session_id)

    def of_owner(self, owner: str) -> list[Session]:
        """Return all open sessions of an administrator, newest first."""
        with translate_redis_errors():
            ids = [uuid.UUID(_text(member)) for member in self._redis.smembers(self._set(owner))]
            stored = self._redis.mget([_key(one) for one in ids]) if ids else []
            ended = [str(one) for one, text in zip(ids, stored, strict=True) if not text]
            if ended:
                self._redis.srem(self._set(owner), *ended)
        found = [self._session(text, one) for one, text in zip(ids, stored, strict=True)]
        return sorted(filter(None, found), key=lambda session: session.created_at, reverse=True)

    def list_all(self) -> list[Session]:
        """Return the open sessions of everybody, newest first."""
        with translate_redis_errors():
            keys = list(self._redis.scan_iter(f"{NAMESPACE}*", count=1000))
            stored = self._redis.mget(keys) if keys else []
        found = [self._session(text, _id_of(key)) for key, text in zip(keys, stored, strict=True)]
        return sorted(filter(None, found), key=lambda session: session.created_at, reverse=True)

    def close(self, token: str) -> None:
        """End a session; no error when it has ended already."""
        with translate_redis_errors():
            self._redis.delete(_key(self._id(token)))

    def end(self, owner: str, ids: list[uuid.UUID]) -> list[uuid.UUID]:
        """End those of an administrator's sessions that have these ids; return which had not ended already."""
        own = [session.id for session in self.of_owner(owner) if session.id in ids]
        return [one for one in own if self.delete(one)]

    def delete(self, session_id: uuid.UUID) -> bool:
        """End the session that is known by this; return whether it had not ended already."""
        with translate_redis_errors():
            return bool(self._redis.delete(_key(session_id)))

    def _id(self, token: str) -> uuid.UUID:
        """Hash a token: reading Redis must not be enough to log in, and another password ends all sessions."""
        return uuid.UUID(self._seal.mac("id", token)[:32])

    def _set(self, owner: str) -> str:
        """Name the set of an administrator's sessions; names of people stay out of Redis' keys."""
        return OF_ONE + self._seal.mac("owner", owner)

    def _stored(self, session: Session) -> str:
        return self._seal.put_on(f"session {session.id}", session.as_json())

    def _session(self, stored: bytes | str | None, session_id: uuid.UUID) -> Session | None:
        text = self._seal.take_off(f"session {session_id}", stored)
        session = Session.of_json(text, session_id) if text else None
        # Whoever else writes into Redis may bring one back that Redis has let go.
        return session if session and session.expires_at > _now() else None


def _text(stored: bytes | str) -> str:
    """Return what the client, which decodes nothing, has read."""
    return stored.decode(errors="replace") if isinstance(stored, bytes) else stored


def _key(session_id: uuid.UUID) -> str:
    return f"{NAMESPACE}{session_id}"


def _id_of(key: bytes | str) -> uuid.UUID:
    """Return whose key this is; of one that somebody else has made up, nobody's."""
    try:
        return uuid.UUID(_text(key).removeprefix(NAMESPACE))
    except ValueError:
        return uuid.UUID(int=0)


@contextmanager
def translate_redis_errors() -> Iterator[None]:
    """Raise SessionsUnavailable when Redis can't be reached."""
    try:
        yield
    except redis.RedisError as error:
        raise SessionsUnavailable from error
