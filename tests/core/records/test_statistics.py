"""The dashboard's numbers."""

import uuid
from datetime import timedelta
from typing import Any

import pytest

from core.database.engine import SessionFactory
from core.records import records, statistics
from core.records.statistics import Latencies, Percentiles, UsageStatistics
from tests.core import rows


def _read(sessions: SessionFactory) -> UsageStatistics:
    with sessions() as session:
        return statistics.read(session)


def test_empty_database_has_zeros(sessions: SessionFactory) -> None:
    assert _read(sessions) == UsageStatistics(0, 0, 0, 0.0, 0, {}, {})


def test_numbers_tell_all_rows(sessions: SessionFactory) -> None:
    image = rows.saved(sessions, 1, blur_method="solid", inference_ms=10.0)[0]
    queued = {"status": "queued", "face_count": None, "inference_ms": None}
    jobs = [rows.detect_job(image, inference_ms=11.5), rows.detect_job(image, **queued, batch_id=uuid.uuid4())]
    rows.add_jobs(sessions, jobs)
    mean: Any = pytest.approx(10.75)
    expected = UsageStatistics(1, 3, 4, mean, 1500, {"detect": 2, "mask": 1}, {"solid": 1})
    assert _read(sessions) == expected
    rows.fold(sessions)
    assert _read(sessions) == expected


def test_numbers_forget_deleted_images(sessions: SessionFactory) -> None:
    rows.saved(sessions, 1)
    image = rows.saved(sessions, 1, blur_method="solid")[0]
    rows.add_jobs(sessions, [rows.detect_job(image)])
    rows.fold(sessions)
    with sessions() as session:
        records.delete_images(session, [image.id])
    assert _read(sessions) == UsageStatistics(1, 1, 2, 12.345, 1500, {"mask": 1}, {"gaussian": 1})


def test_latencies_are_of_the_newest_completed(sessions: SessionFactory) -> None:
    image = rows.saved(sessions, 1, inference_ms=1e6, total_ms=2e6)[0]
    later = [rows.NOON + timedelta(minutes=number) for number in range(1, 101)]
    jobs = [
        rows.detect_job(image, created_at=at, inference_ms=at.minute + 60.0 * at.hour, total_ms=5.0) for at in later
    ]
    failed = rows.detect_job(image, created_at=later[-1], status="failed", inference_ms=9e9, total_ms=9e9)
    rows.add_jobs(sessions, [*jobs, failed])
    with sessions() as session:
        found = statistics.latencies(session, newest=100)
    first = rows.NOON.hour * 60
    assert found == Latencies(100, Percentiles(first + 50, first + 95), Percentiles(5.0, 5.0))


def test_latencies_of_no_jobs_are_unknown(sessions: SessionFactory) -> None:
    with sessions() as session:
        assert statistics.latencies(session) == Latencies(0, None, None)


def test_latencies_pass_over_what_is_not_told(sessions: SessionFactory) -> None:
    image = rows.saved(sessions, 1, inference_ms=None, total_ms=None)[0]
    rows.add_jobs(sessions, [rows.detect_job(image, inference_ms=7.0, total_ms=None)])
    with sessions() as session:
        assert statistics.latencies(session) == Latencies(2, Percentiles(7.0, 7.0), None)
