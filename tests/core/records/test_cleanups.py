"""Clean-up tasks: noted once, tried when due, put off when they fail, never forgotten."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from core.database.engine import SessionFactory
from core.database.models import CleanupTask
from core.records import cleanups
from core.records.cleanups import DueCleanup
from tests.core import rows
from tests.core.rows import NOON


class Clock:
    def __init__(self) -> None:
        self.moment = NOON

    def __call__(self) -> datetime:
        return self.moment


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(cleanups, "now", made)
    return made


def _register(sessions: SessionFactory, *keys: str) -> None:
    with sessions.begin() as session:
        cleanups.register(session, keys)


def _due(sessions: SessionFactory) -> list[DueCleanup]:
    with sessions() as session:
        return cleanups.due(session)


def _fail(sessions: SessionFactory, error: str = "refused") -> None:
    with sessions.begin() as session:
        for task in cleanups.due(session):
            cleanups.failed(session, task.s3_key, error)


def test_task_is_due_at_once(sessions: SessionFactory) -> None:
    _register(sessions, "b", "a")
    assert sorted(task.s3_key for task in _due(sessions)) == ["a", "b"]


@pytest.mark.parametrize("keys", [("a",), ("a", "a", "b")])
def test_key_noted_twice_is_one_task(sessions: SessionFactory, clock: Clock, keys: tuple[str, ...]) -> None:
    _register(sessions, "a")
    _fail(sessions)
    _register(sessions, *keys)
    with sessions() as session:
        assert cleanups.count(session) == len(set(keys))
        assert session.scalar(select(CleanupTask.attempts).where(CleanupTask.s3_key == "a")) == 1


def test_registering_nothing_is_nothing(sessions: SessionFactory) -> None:
    _register(sessions)
    assert _due(sessions) == []


def test_done_task_is_gone(sessions: SessionFactory) -> None:
    _register(sessions, "a", "b")
    with sessions.begin() as session:
        cleanups.done(session, ["a", "unheard of"])
        assert cleanups.count(session) == 1
    assert [task.s3_key for task in _due(sessions)] == ["b"]


def test_failed_task_waits_twice_as_long_each_time(sessions: SessionFactory, clock: Clock) -> None:
    _register(sessions, "a")
    waits = []
    for attempts in range(15):
        assert _due(sessions) == [DueCleanup("a", attempts)]
        _fail(sessions)
        with sessions() as session:
            following = session.scalars(select(CleanupTask.next_attempt_at)).one()
        waits.append(following - clock.moment)
        clock.moment = following - timedelta(seconds=1)
        assert _due(sessions) == []
        clock.moment = following
    assert waits[:4] == [timedelta(seconds=30 * factor) for factor in (1, 2, 4, 8)]
    assert waits[-3:] == [timedelta(days=1)] * 3


def test_failed_task_says_why(sessions: SessionFactory) -> None:
    _register(sessions, "a")
    _fail(sessions, "no" * 1000)
    with sessions() as session:
        assert session.scalars(select(CleanupTask.last_error)).one() == "no" * 250


def test_failing_an_unknown_task_is_nothing(sessions: SessionFactory) -> None:
    with sessions.begin() as session:
        cleanups.failed(session, "a", "refused")
        assert cleanups.count(session) == 0


def test_longest_waiting_come_first(sessions: SessionFactory, clock: Clock) -> None:
    for key in ("c", "a", "b"):
        _register(sessions, key)
        clock.moment += timedelta(seconds=1)
    with sessions() as session:
        assert [task.s3_key for task in cleanups.due(session, limit=2)] == ["c", "a"]


def test_two_are_never_given_the_same_task(postgres_sessions: SessionFactory) -> None:
    _register(postgres_sessions, "a", "b", "c")
    with postgres_sessions() as one, postgres_sessions() as other:
        first, second = cleanups.due(one, limit=2), cleanups.due(other)
        assert sorted(task.s3_key for task in (*first, *second)) == ["a", "b", "c"]
        one.rollback()  # it died: its tasks are there for others
        assert {task.s3_key for task in cleanups.due(other)} == {"a", "b", "c"}


def test_expired_images_are_the_oldest(sessions: SessionFactory) -> None:
    images = rows.saved(sessions, 5)
    with sessions() as session:
        found = cleanups.expired_images(session, images[1].created_at, limit=2)
    assert found == [images[4].id, images[3].id]
    with sessions() as session:
        assert cleanups.expired_images(session, images[4].created_at) == []


def test_object_keys_are_all_told_once(sessions: SessionFactory) -> None:
    images = rows.saved(sessions, 5)
    rows.add_jobs(sessions, [rows.detect_job(images[0]), rows.mask_job(images[0])])
    with sessions() as session:
        reported = [key for _, keys in cleanups.object_keys(session, images_at_once=2) for key in keys]
        assert len(reported) == len(set(reported)) == 11
        assert set(reported) == cleanups.known_keys(session, [image.id for image in images])


def test_known_keys_are_of_the_images_asked_for(sessions: SessionFactory) -> None:
    image, other = rows.saved(sessions, 2)
    with sessions() as session:
        keys = cleanups.known_keys(session, [image.id])
    assert image.s3_key in keys and other.s3_key not in keys and len(keys) == 2
