"""API keys that were let in a moment ago."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from core import config, db, keys, schema
from core.db import Sessions
from core.errors import DatabaseUnavailable, KeyRevoked, Unauthenticated
from web import keyrings
from web.keyrings import Keyring


@pytest.fixture
def sessions(tmp_path: Path) -> Iterator[Sessions]:
    settings = config.read(var_dir=tmp_path / "var")
    schema.upgrade(settings)
    made = db.sessions(settings)
    yield made
    made.kw["bind"].dispose()


def make(sessions: Sessions) -> tuple[str, str]:
    """Make a key; return its id and its text."""
    with sessions() as session:
        key, text = keys.create(session, "a camera")
        return str(key.id), text


def revoke(sessions: Sessions, key_id: str) -> None:
    """Turn a key off as another process does."""
    with sessions() as session:
        keys.revoke(session, key_id)


def test_known_key_needs_no_database(sessions: Sessions) -> None:
    keyring = Keyring(sessions)
    key_id, text = make(sessions)
    assert keyring.let_in(text) == key_id
    with sessions() as session:
        session.connection().exec_driver_sql("ALTER TABLE api_keys RENAME TO gone")
        session.commit()
    assert keyring.let_in(text) == key_id
    with pytest.raises(DatabaseUnavailable):
        keyring.let_in(make_up())


def test_revocation_elsewhere_counts_soon(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    keyring = Keyring(sessions)
    key_id, text = make(sessions)
    keyring.let_in(text)
    revoke(sessions, key_id)
    clock = keyrings.time.monotonic() + keyrings.KNOWN_S
    monkeypatch.setattr(keyrings.time, "monotonic", lambda: clock)
    with pytest.raises(KeyRevoked):
        keyring.let_in(text)


def test_revocation_here_counts_at_once(sessions: Sessions) -> None:
    keyring = Keyring(sessions)
    key_id, text = make(sessions)
    keyring.let_in(text)
    revoke(sessions, key_id)
    keyring.forget()
    with pytest.raises(KeyRevoked):
        keyring.let_in(text)


def test_revocation_during_lookup_counts(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    keyring = Keyring(sessions)
    key_id, text = make(sessions)
    find = keys.find

    def find_and_lose_time(*args: object) -> object:
        found = find(*args)  # type: ignore[arg-type]  # handed through
        revoke(sessions, key_id)
        keyring.forget()
        return found

    with monkeypatch.context() as patch:
        patch.setattr(keys, "find", find_and_lose_time)
        keyring.let_in(text)  # it was active when it was looked up
    with pytest.raises(KeyRevoked):
        keyring.let_in(text)


def test_strangers_are_never_known(sessions: Sessions) -> None:
    keyring = Keyring(sessions)
    text = make_up()
    for _ in range(2):
        with pytest.raises(Unauthenticated):
            keyring.let_in(text)


def make_up() -> str:
    return "xyl_" + "0123456789ab" * 4
