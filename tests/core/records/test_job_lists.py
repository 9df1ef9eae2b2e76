"""The list of jobs, sorted by a measure. The same on SQLite and on Postgres."""

import random

import pytest

from core.database.engine import SessionFactory
from core.records import job_lists
from core.records.job_lists import MEASURES, JobOrder
from core.records.records import EVERY_JOB, JobFilter
from core.records.rows import StoredJob
from tests.core import rows


def listed(sessions: SessionFactory, wanted: JobFilter, order: JobOrder, per_page: int = 7) -> list[StoredJob]:
    with sessions() as session:
        first = job_lists.page(session, 1, per_page, wanted, order)
        others = [job_lists.page(session, number, per_page, wanted, order) for number in range(2, first.pages + 2)]
    found = [job for page in (first, *others) for job in page.items]
    assert len(found) == first.total
    return found


@pytest.fixture
def jobs(sessions: SessionFactory) -> list[StoredJob]:
    """Keep jobs with many equal numbers, and some without any."""
    chance, image = random.Random(5), rows.saved(sessions, 1)[0]
    made = [
        rows.mask_job(
            image,
            status=chance.choice(["completed", "failed"]),
            **{name: chance.choice([None, 1, 2, 3]) for name in ("face_count", "inference_ms", "total_ms")},
        )
        for _ in range(60)
    ]
    rows.add_jobs(sessions, made)
    return made


@pytest.mark.parametrize("order", MEASURES)
def test_pages_of_an_order_are_one_list(sessions: SessionFactory, jobs: list[StoredJob], order: JobOrder) -> None:
    measure, descending = MEASURES[order]
    wanted = JobFilter(statuses=("failed",))
    expected = [job for job in jobs if job.status == "failed" and getattr(job, measure.key) is not None]
    expected.sort(key=lambda job: (getattr(job, measure.key), job.id), reverse=descending)
    assert listed(sessions, wanted, order) == expected


def test_newest_and_oldest_list_every_job(sessions: SessionFactory, jobs: list[StoredJob]) -> None:
    newest = listed(sessions, EVERY_JOB, JobOrder.NEWEST)
    assert len(newest) == len(jobs) + 1
    assert listed(sessions, EVERY_JOB, JobOrder.OLDEST) == newest[::-1]


def test_jobs_have_the_names_of_their_images(sessions: SessionFactory) -> None:
    image = rows.image(filename="harbour.jpg")
    with sessions() as session:
        rows.save_result(session, image, rows.mask_job(image))
        names = job_lists.filenames(session, [rows.mask_job(image), rows.mask_job(rows.image())])
    assert names == {image.id: "harbour.jpg"}
