"""Lists and totals without counting: the same as a plain look at every row, whatever happened to the rows before."""

import random
import threading
import uuid
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.orm import Session

from core.database import tallies
from core.database.engine import SessionFactory
from core.database.models import Image, ProcessingJob, Tally, TallyChange
from core.database.tallies import RowFilter, SeekPosition
from core.records import records
from core.records.records import JobFilter
from core.records.rows import StoredImage, StoredJob
from tests.core import rows
from tests.core.rows import METHODS, NOON, STATUSES

BATCHES = (None, uuid.UUID(int=1), uuid.UUID(int=2))


def _many(sessions: SessionFactory, chance: random.Random, count: int) -> list[StoredJob]:
    """Keep jobs of all kinds, over four days, some at the same moment, some right at the hour or at midnight."""
    image = rows.image()
    with sessions.begin() as session:
        session.add(Image(**vars(image)))
    made = [_any_job(chance, image) for _ in range(count)]
    rows.add_jobs(sessions, made)
    return made


def _any_job(chance: random.Random, image: StoredImage) -> StoredJob:
    values = {"created_at": _moment(chance), "status": chance.choice(STATUSES), "batch_id": chance.choice(BATCHES)}
    values |= {"face_count": chance.choice([None, 0, 3]), "inference_ms": chance.choice([None, 1.5, 0.1238])}
    if chance.random() < 0.3:
        return rows.detect_job(image, **values)
    return rows.mask_job(image, blur_method=chance.choice(METHODS), **values)


def _moment(chance: random.Random) -> datetime:
    step = timedelta(minutes=chance.choice([7, 7, 60, 720]))
    return NOON - step * chance.randrange(min(timedelta(days=4) // step, 150))


def _any_filter(chance: random.Random) -> JobFilter:
    return JobFilter(
        job_type=chance.choice([None, None, None, "detect", "mask"]),
        method=chance.choice([None] * 5 + [*METHODS]),
        statuses=chance.choice([(), (), (), *[(one,) for one in STATUSES], ("failed", "cancelled")]),
        batch_id=chance.choice([None, None, *BATCHES]),
        created_after=chance.choice([None, _moment(chance)]),
        created_before=chance.choice([None, _moment(chance)]),
    )


def _expected(jobs: list[StoredJob], wanted: JobFilter) -> list[StoredJob]:
    found = [
        job
        for job in jobs
        if wanted.job_type in {None, job.job_type}
        and wanted.method in {None, job.blur_method}
        and (not wanted.statuses or job.status in wanted.statuses)
        and wanted.batch_id in {None, job.batch_id}
        and (wanted.created_after is None or job.created_at >= wanted.created_after)
        and (wanted.created_before is None or job.created_at < wanted.created_before)
    ]
    return sorted(found, key=lambda job: (job.created_at, job.id), reverse=True)


def _listed(session: Session, wanted: JobFilter, per_page: int) -> tuple[int, list[StoredJob]]:
    first = records.page_jobs(session, 1, per_page, wanted)
    others = [records.page_jobs(session, page, per_page, wanted) for page in range(2, first.pages + 2)]
    return first.total, [job for page in (first, *others) for job in page.items]


@pytest.mark.parametrize("seed", range(3))
def test_lists_equal_a_look_at_every_row(sessions: SessionFactory, seed: int) -> None:
    chance = random.Random(seed)
    jobs = _many(sessions, chance, 120)
    rows.fold(sessions)
    jobs += _many(sessions, chance, 40)
    with sessions() as session:
        for _ in range(30):
            wanted = _any_filter(chance)
            found = _expected(jobs, wanted)
            assert _listed(session, wanted, chance.choice([9, 40, 100])) == (len(found), found), wanted


def test_range_takes_its_start_and_not_its_end(sessions: SessionFactory) -> None:
    rows.saved(sessions, 3)
    minute = timedelta(minutes=1)
    with sessions() as session:
        page = records.page_jobs(session, 1, 9, JobFilter(created_after=NOON - 2 * minute, created_before=NOON))
    assert [job.created_at for job in page.items] == [NOON - minute, NOON - 2 * minute]


@pytest.mark.parametrize("zone", [timezone(timedelta(hours=14)), timezone(-timedelta(hours=14))])
def test_range_may_end_with_the_calendar(sessions: SessionFactory, zone: timezone) -> None:
    rows.saved(sessions, 2)
    first, last = datetime.min.replace(tzinfo=zone), datetime.max.replace(tzinfo=zone)
    assert rows.counted(sessions, JobFilter(created_after=first, created_before=last)) == 2
    assert rows.counted(sessions, JobFilter(created_after=last)) == 0
    assert rows.counted(sessions, JobFilter(created_before=first)) == 0


def _hourly(sessions: SessionFactory, hours: int) -> None:
    """Keep two jobs for each of the last hours before noon, at the half hour."""
    image = rows.image()
    with sessions.begin() as session:
        session.add(Image(**vars(image)))
    times = [NOON - timedelta(hours=hour, minutes=30) for hour in range(hours)]
    rows.add_jobs(sessions, [rows.detect_job(image, created_at=time) for time in times for _ in range(2)])


@pytest.mark.parametrize("folded", [True, False])
def test_page_steps_over_whole_days(sessions: SessionFactory, folded: bool) -> None:
    """Or else the last page would cost as much as all the others."""
    _hourly(sessions, 120)
    if folded:
        rows.fold(sessions)
    with sessions() as session:
        place = tallies.seek(session, RowFilter(ProcessingJob), 2 * (12 + 24 * 3) + 5)
    assert place == SeekPosition(240, datetime(2026, 3, 1, tzinfo=UTC), 5)


@pytest.mark.parametrize("folded", [True, False])
def test_page_steps_over_whole_hours(sessions: SessionFactory, monkeypatch: pytest.MonkeyPatch, folded: bool) -> None:
    _hourly(sessions, 120)
    if folded:
        rows.fold(sessions)
    monkeypatch.setattr(tallies, "MAX_SKIP", 4)
    with sessions() as session:
        place = tallies.seek(session, RowFilter(ProcessingJob), 2 * (12 + 24 * 3) + 5)
    assert place == SeekPosition(240, datetime(2026, 2, 28, 22, tzinfo=UTC), 1)


@pytest.mark.parametrize("worth", [0, 1000])
def test_every_page_shows_other_rows(sessions: SessionFactory, monkeypatch: pytest.MonkeyPatch, worth: int) -> None:
    monkeypatch.setattr(tallies, "MAX_SKIP", worth)
    _hourly(sessions, 60)
    with sessions() as session:
        _, shown = _listed(session, JobFilter(job_type="detect"), 7)
    assert len({job.id for job in shown}) == len(shown) == 120
    assert shown == sorted(shown, key=lambda job: (job.created_at, job.id), reverse=True)


@pytest.mark.parametrize("page", [4, 10**30])
def test_page_past_the_end_is_empty(sessions: SessionFactory, page: int) -> None:
    rows.saved(sessions, 3)
    with sessions() as session:
        found = records.page_jobs(session, page, 1)
    assert (found.items, found.total, found.pages) == ([], 3, 3)


@pytest.mark.parametrize("folds", ["never", "once", "always"])
def test_tallies_follow_every_change(sessions: SessionFactory, folds: str) -> None:
    chance = random.Random(7)
    _many(sessions, chance, 60)
    changes = [
        update(ProcessingJob).where(ProcessingJob.status == "queued").values(status="running"),
        update(ProcessingJob).where(ProcessingJob.status == "running").values(status="completed", face_count=5),
        update(ProcessingJob).where(ProcessingJob.job_type == "mask").values(processed_size_bytes=7, inference_ms=None),
        update(ProcessingJob).values(error="nothing that is counted"),
        update(Image).values(size_bytes=Image.size_bytes + 1),
        delete(ProcessingJob).where(ProcessingJob.status == "failed"),
        delete(Image),
    ]
    for number, change in enumerate(changes):
        if folds == "always" or (folds == "once" and number == 3):
            rows.fold(sessions)
        with sessions.begin() as session:
            session.execute(change)
        assert rows.measured(sessions) == _measured_directly(sessions), number
    assert rows.measured(sessions) == {}


def _measured_directly(sessions: SessionFactory) -> dict[tuple[str, str, str], dict[str, int]]:
    found: dict[tuple[str, str, str], dict[str, int]] = {}
    with sessions() as session:
        for image in session.scalars(select(Image)):
            _add(found, ("images", "", ""), (1, 0, 0, 0, image.size_bytes))
        for job in session.scalars(select(ProcessingJob)):
            time = () if job.inference_ms is None else (1, round(job.inference_ms * 1000))
            measures = (1, job.face_count or 0, *(time or (0, 0)), job.processed_size_bytes or 0)
            _add(found, ("processing_jobs", job.job_type, job.blur_method or ""), measures)
    return found


def _add(
    found: dict[tuple[str, str, str], dict[str, int]], key: tuple[str, str, str], measures: tuple[int, ...]
) -> None:
    sums = found.setdefault(key, dict.fromkeys(tallies.MEASURES, 0))
    for name, measure in zip(tallies.MEASURES, measures, strict=True):
        sums[name] += measure


def test_update_that_counts_nothing_leaves_no_change(sessions: SessionFactory) -> None:
    rows.saved(sessions, 2)
    rows.fold(sessions)
    with sessions.begin() as session:
        session.execute(update(ProcessingJob).values(error="late"))
        assert session.scalar(select(func.count()).select_from(TallyChange)) == 0


def test_fold_takes_every_change(sessions: SessionFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tallies, "FOLDED_AT_ONCE", 4)
    rows.saved(sessions, 11)
    assert rows.fold(sessions) == 22
    assert rows.fold(sessions) == 0
    assert rows.counted(sessions) == 11


def test_sums_of_what_is_gone_are_forgotten(sessions: SessionFactory) -> None:
    images = rows.saved(sessions, 3)
    rows.fold(sessions)
    with sessions() as session:
        records.delete_images(session, [image.id for image in images])
    rows.fold(sessions)
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(Tally)) == 0


def test_fold_keeps_sums_of_half_a_change(sessions: SessionFactory) -> None:
    """An update can be folded before the insert that it follows."""
    rows.saved(sessions, 1)
    with sessions.begin() as session:
        session.execute(update(ProcessingJob).values(face_count=9))
        inserts = session.scalars(select(TallyChange).where(TallyChange.row_count == 1)).all()
        names = [column.name for column in TallyChange.__table__.columns]
        kept = [{name: getattr(change, name) for name in names} for change in inserts]
        session.execute(delete(TallyChange).where(TallyChange.row_count == 1))
    rows.fold(sessions)
    with sessions.begin() as session:
        session.add_all(TallyChange(**change) for change in kept)
    rows.fold(sessions)
    assert rows.measured(sessions) == _measured_directly(sessions)


def test_rolled_back_rows_are_not_counted(sessions: SessionFactory) -> None:
    with sessions() as session:
        session.add(Image(**vars(rows.image())))
        session.flush()
        session.rollback()
    assert rows.measured(sessions) == {}


def test_batch_has_a_total_of_its_own(sessions: SessionFactory) -> None:
    image = rows.saved(sessions, 1)[0]
    batch = uuid.uuid4()
    rows.add_jobs(sessions, [rows.detect_job(image, batch_id=batch) for _ in range(4)])
    for _ in range(2):
        assert rows.counted(sessions, JobFilter(batch_id=batch)) == 4
        assert rows.counted(sessions) == 5
        rows.fold(sessions)


def test_truncated_tables_are_counted_as_empty(postgres_sessions: SessionFactory) -> None:
    rows.saved(postgres_sessions, 2)
    rows.fold(postgres_sessions)
    rows.saved(postgres_sessions, 2)
    with postgres_sessions.begin() as session:
        session.execute(text("TRUNCATE images CASCADE"))
    assert rows.measured(postgres_sessions) == {}


def test_statement_is_counted_once_for_all_its_rows(postgres_sessions: SessionFactory) -> None:
    image = rows.saved(postgres_sessions, 1)[0]
    rows.fold(postgres_sessions)
    jobs = [rows.detect_job(image) for _ in range(50)]
    rows.add_jobs(postgres_sessions, [replace(job, created_at=NOON) for job in jobs])
    with postgres_sessions() as session:
        assert session.scalar(select(func.count()).select_from(TallyChange)) == 1


def test_writers_never_wait_for_each_other(postgres_sessions: SessionFactory) -> None:
    """A transaction that counted and is still open holds nobody up, not even the fold."""
    rows.saved(postgres_sessions, 1)
    with postgres_sessions() as slow:
        slow.add(Image(**vars(rows.image())))
        slow.flush()
        with ThreadPoolExecutor() as pool:
            pool.submit(rows.saved, postgres_sessions, 2).result(timeout=60)
            pool.submit(rows.fold, postgres_sessions).result(timeout=60)
        assert rows.counted(postgres_sessions) == 3
        slow.commit()
    assert rows.measured(postgres_sessions) == _measured_directly(postgres_sessions)


def test_fold_passes_over_what_another_folds(postgres_sessions: SessionFactory) -> None:
    rows.saved(postgres_sessions, 2)
    with postgres_sessions() as slow, ThreadPoolExecutor() as pool:
        assert len(tallies._take(slow)) == 4
        rows.saved(postgres_sessions, 1)
        assert pool.submit(rows.fold, postgres_sessions).result(timeout=60) == 2
    assert rows.fold(postgres_sessions) == 4  # the other one died
    assert rows.measured(postgres_sessions) == _measured_directly(postgres_sessions)


def test_counts_hold_under_concurrent_writers(postgres_sessions: SessionFactory) -> None:
    """Two write and two fold; a reader never sees a count that is short of what it saw before."""
    ended = threading.Event()

    def fold() -> None:
        while not ended.is_set():
            rows.fold(postgres_sessions)

    with ThreadPoolExecutor() as pool:
        writers = [pool.submit(rows.saved, postgres_sessions, 60) for _ in range(2)]
        folders = [pool.submit(fold) for _ in range(2)]
        seen = [rows.counted(postgres_sessions)]
        while not all(writer.done() for writer in writers):
            seen.append(rows.counted(postgres_sessions))
        ended.set()
        every: list[Future[Any]] = [*writers, *folders]
        for call in every:
            call.result(timeout=60)
    assert seen == sorted(seen) and len(seen) > 2
    assert rows.counted(postgres_sessions) == 120
    assert rows.measured(postgres_sessions) == _measured_directly(postgres_sessions)
