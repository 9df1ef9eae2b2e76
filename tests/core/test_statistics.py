"""The dashboard's numbers."""

import uuid

import pytest

from core import records, statistics
from core.db import Sessions
from core.statistics import Stats
from tests.core import rows


def _read(sessions: Sessions) -> Stats:
    with sessions() as session:
        return statistics.read(session)


def test_empty_database_has_zeros(sessions: Sessions) -> None:
    assert _read(sessions) == Stats(0, 0, 0, 0.0, 0, {}, {})


def test_numbers_tell_all_rows(sessions: Sessions) -> None:
    image = rows.saved(sessions, 1, blur_method="solid", inference_ms=10.0)[0]
    queued = {"status": "queued", "face_count": None, "inference_ms": None}
    jobs = [rows.detect_job(image, inference_ms=11.5), rows.detect_job(image, **queued, batch_id=uuid.uuid4())]
    rows.add_jobs(sessions, jobs)
    expected = Stats(1, 3, 4, pytest.approx(10.75), 1500, {"detect": 2, "mask": 1}, {"solid": 1})
    assert _read(sessions) == expected
    rows.fold(sessions)
    assert _read(sessions) == expected


def test_numbers_forget_deleted_images(sessions: Sessions) -> None:
    rows.saved(sessions, 1)
    image = rows.saved(sessions, 1, blur_method="solid")[0]
    rows.add_jobs(sessions, [rows.detect_job(image)])
    rows.fold(sessions)
    with sessions() as session:
        records.delete_image(session, image.id)
    assert _read(sessions) == Stats(1, 1, 2, 12.345, 1500, {"mask": 1}, {"gaussian": 1})
