"""API keys that were authenticated a moment ago."""

import pytest
from sqlalchemy.exc import SQLAlchemyError

from core.access import keys
from core.database.engine import SessionFactory
from core.errors import KeyRevoked, Unauthenticated
from web.auth import key_cache
from web.auth.key_cache import ApiKeyCache

ADDRESS = "192.0.2.7"


def make(sessions: SessionFactory) -> tuple[str, str]:
    """Make a key; return its id and its text."""
    with sessions() as session:
        key, text = keys.create(session, "a camera")
        return str(key.id), text


def revoke(sessions: SessionFactory, key_id: str) -> None:
    """Turn a key off as another process does."""
    with sessions() as session:
        keys.revoke(session, key_id)


def test_known_key_needs_no_database(sessions: SessionFactory) -> None:
    cache = ApiKeyCache(sessions)
    key_id, text = make(sessions)
    assert str(cache.authenticate(text, ADDRESS).id) == key_id
    with sessions() as session:
        session.connection().exec_driver_sql("ALTER TABLE api_keys RENAME TO gone")
        session.commit()
    assert str(cache.authenticate(text, ADDRESS).id) == key_id
    with pytest.raises(SQLAlchemyError, match="api_keys"):
        cache.authenticate(make_up(), ADDRESS)


def test_revocation_elsewhere_counts_soon(sessions: SessionFactory) -> None:
    clock = [1000.0]
    cache = ApiKeyCache(sessions, timer=lambda: clock[0])
    key_id, text = make(sessions)
    cache.authenticate(text, ADDRESS)
    revoke(sessions, key_id)
    clock[0] += key_cache.TTL_S
    with pytest.raises(KeyRevoked):
        cache.authenticate(text, ADDRESS)


def test_revocation_here_counts_at_once(sessions: SessionFactory) -> None:
    cache = ApiKeyCache(sessions)
    key_id, text = make(sessions)
    cache.authenticate(text, ADDRESS)
    revoke(sessions, key_id)
    cache.clear()
    with pytest.raises(KeyRevoked):
        cache.authenticate(text, ADDRESS)


def test_revocation_during_lookup_counts(sessions: SessionFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = ApiKeyCache(sessions)
    key_id, text = make(sessions)
    find = keys.find

    def find_and_lose_time(*args: object) -> object:
        found = find(*args)  # type: ignore[arg-type]  # handed through
        revoke(sessions, key_id)
        cache.clear()
        return found

    with monkeypatch.context() as patch:
        patch.setattr(keys, "find", find_and_lose_time)
        cache.authenticate(text, ADDRESS)  # it was active when it was looked up
    with pytest.raises(KeyRevoked):
        cache.authenticate(text, ADDRESS)


def test_strangers_are_never_known(sessions: SessionFactory) -> None:
    cache = ApiKeyCache(sessions)
    text = make_up()
    for _ in range(2):
        with pytest.raises(Unauthenticated):
            cache.authenticate(text, ADDRESS)


def make_up() -> str:
    return "xyl_" + "0123456789ab" * 4
