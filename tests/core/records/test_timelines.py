"""Jobs over time, folded or not, the same on SQLite and on Postgres."""

from datetime import UTC, datetime, timedelta

import pytest

from core.database.engine import SessionFactory
from core.records import timelines
from core.records.timelines import Span, TimeBucket
from tests.core import rows

NOW = datetime(2026, 3, 4, 12, 34, 56, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timelines, "now", lambda: NOW)


def read(sessions: SessionFactory, span: Span, count: int) -> list[TimeBucket]:
    with sessions() as session:
        return timelines.latest(session, span, count)


def kept(sessions: SessionFactory) -> None:
    """Keep four jobs: now, an hour ago (failed), yesterday, long ago."""
    for ago, values in ((0, {}), (1, {"status": "failed", "face_count": None}), (24, {}), (24 * 40, {})):
        image = rows.image(created_at=NOW - timedelta(hours=ago))
        with sessions() as session:
            rows.save_result(session, image, rows.mask_job(image, **values))
    rows.add_jobs(sessions, [rows.detect_job(image, created_at=NOW, face_count=5)])


def test_every_stretch_is_there(sessions: SessionFactory) -> None:
    hours = read(sessions, "hour", 3)
    assert hours == [TimeBucket(datetime(2026, 3, 4, hour, tzinfo=UTC), {}, 0, 0) for hour in (10, 11, 12)]
    assert [day.starts_at.day for day in read(sessions, "day", 5)] == [28, 1, 2, 3, 4]


@pytest.mark.parametrize("folded", [False, True])
def test_jobs_stand_in_their_hour(sessions: SessionFactory, folded: bool) -> None:
    kept(sessions)
    if folded:
        rows.fold(sessions)
    before, failed, newest = read(sessions, "hour", 3)
    assert (before.jobs, failed.jobs, newest.jobs) == (0, 1, 2)
    assert (failed.done, failed.failed) == ({}, 1)
    assert (newest.done, newest.failed, newest.faces) == ({"mask": 1, "detect": 1}, 0, 7)


@pytest.mark.parametrize("folded", [False, True])
def test_jobs_stand_in_their_day(sessions: SessionFactory, folded: bool) -> None:
    kept(sessions)
    if folded:
        rows.fold(sessions)
    days = read(sessions, "day", 30)
    assert [day.jobs for day in days] == [0] * 28 + [1, 3]


def test_cancelled_jobs_are_none_that_failed(sessions: SessionFactory) -> None:
    image = rows.image(created_at=NOW)
    with sessions() as session:
        rows.save_result(session, image, rows.mask_job(image, status="cancelled", face_count=None))
    (newest,) = read(sessions, "hour", 1)
    assert (newest.done, newest.failed, newest.cancelled, newest.jobs) == ({}, 0, 1, 1)


def test_half_folded_jobs_count_once(sessions: SessionFactory) -> None:
    kept(sessions)
    rows.fold(sessions)
    kept(sessions)
    assert read(sessions, "day", 1)[0].jobs == 6
