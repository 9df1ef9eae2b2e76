"""The uses of API keys: exact under many threads, kept while the database is down, saved when the process ends."""

import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import text

from core.access import keys, uses
from core.access.uses import KeyUseCounter
from core.config import ROOT, Settings
from core.database.clock import now
from core.database.engine import SessionFactory
from core.errors import NotFound

AT_EXIT = """
import sys
import uuid
from core import config
from core.database import engine
from core.access.uses import KeyUseCounter

counter = KeyUseCounter(engine.session_factory(config.read(database_url=sys.argv[1])))
for _ in range(3):
    counter.note(uuid.UUID(sys.argv[2]), "192.0.2.7")
"""
ADDRESS = "192.0.2.7"


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uses, "FLUSH_INTERVAL_S", 0.02)


@contextmanager
def outage(sessions: SessionFactory) -> Iterator[None]:
    """Have the database refuse every statement about keys."""
    with sessions() as session:
        session.execute(text("ALTER TABLE api_keys RENAME TO moved_away"))
        session.commit()
    yield
    with sessions() as session:
        session.execute(text("ALTER TABLE moved_away RENAME TO api_keys"))
        session.commit()


def new_key(sessions: SessionFactory) -> uuid.UUID:
    with sessions() as session:
        return keys.create(session, "camera")[0].id


def request_count(sessions: SessionFactory, key_id: uuid.UUID) -> int:
    with sessions() as session:
        return keys.get(session, key_id).request_count


def wait_until_counted(sessions: SessionFactory, key_id: uuid.UUID, count: int) -> None:
    deadline = time.monotonic() + 120
    while request_count(sessions, key_id) != count:
        assert time.monotonic() < deadline, request_count(sessions, key_id)
        time.sleep(0.02)


def test_uses_reach_table_by_themselves(sessions: SessionFactory) -> None:
    key_id, counter = new_key(sessions), KeyUseCounter(sessions)
    for count in (1, 2):  # the second time, after the thread of the first may have ended
        counter.note(key_id, ADDRESS)
        wait_until_counted(sessions, key_id, count)
    with sessions() as session:
        last_used_at = keys.get(session, key_id).last_used_at
    assert last_used_at is not None and now() - last_used_at < timedelta(minutes=1)


def test_uses_of_many_threads_are_exact(sessions: SessionFactory) -> None:
    key_ids, counter = [new_key(sessions) for _ in range(3)], KeyUseCounter(sessions)

    def use(number: int) -> None:
        for index in range(500):
            counter.note(key_ids[(number + index) % 3], ADDRESS)
            if index % 100 == 0:
                counter.flush()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(use, range(9)))
    assert counter.flush()
    assert [request_count(sessions, key_id) for key_id in key_ids] == [1500, 1500, 1500]


def test_revoked_and_deleted_keys_stop_no_count(sessions: SessionFactory) -> None:
    used, revoked, deleted = (new_key(sessions) for _ in range(3))
    counter = KeyUseCounter(sessions)
    for key_id in (used, revoked, deleted):
        counter.note(key_id, ADDRESS)
    with sessions() as session:
        keys.revoke(session, str(revoked))
        keys.delete(session, deleted)
    assert counter.flush()
    assert [request_count(sessions, key_id) for key_id in (used, revoked)] == [1, 1]
    with pytest.raises(NotFound):
        request_count(sessions, deleted)


def test_uses_outlast_a_database_outage(sessions: SessionFactory) -> None:
    key_id, counter = new_key(sessions), KeyUseCounter(sessions)
    with outage(sessions):
        for _ in range(3):
            counter.note(key_id, ADDRESS)
            assert not counter.flush()
    wait_until_counted(sessions, key_id, 3)
    assert counter.flush() and request_count(sessions, key_id) == 3


def test_busy_database_holds_up_no_call(sessions: SessionFactory) -> None:
    key_id, counter = new_key(sessions), KeyUseCounter(sessions)
    with sessions() as session:
        session.execute(text("UPDATE api_keys SET name = 'locked'"))
        counter.note(key_id, ADDRESS)
        flush = threading.Thread(target=counter.flush)
        flush.start()
        flush.join(0.3)
        assert flush.is_alive(), "this database lets two write a row at a time"
        counter.note(key_id, ADDRESS)
        assert flush.is_alive(), "it waited for the flush"
        session.commit()
    flush.join(30)
    wait_until_counted(sessions, key_id, 2)


def test_last_uses_are_saved_at_exit(sessions: SessionFactory, database: Settings) -> None:
    key_id = new_key(sessions)
    arguments = [database.sqlalchemy_url, str(key_id)]
    subprocess.run([sys.executable, "-c", AT_EXIT, *arguments], cwd=ROOT, check=True, timeout=60)
    assert request_count(sessions, key_id) == 3


def test_nothing_is_counted_without_database() -> None:
    counter = KeyUseCounter(None)
    counter.note(uuid.uuid4(), ADDRESS)
    assert counter.flush()
