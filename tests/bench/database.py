"""What the lists and the dashboard cost the database when there are many rows.

    python -m tests.bench.database [--jobs N] [--images N] [--days N] [--pages | --url URL]

Fills a Postgres of its own (or the empty, migrated one at --url) with generate_series, asks every combination of
filters for the first, the hundredth, a middle and the last page, and prints the planning and execution time of the
very statements that were sent, by EXPLAIN ANALYZE: the median of three for each question.
"""

import argparse
import itertools
import json
import statistics
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, event, text
from sqlalchemy.orm import Session

from core import config
from core.database import engine, migrations, tallies
from core.database.clock import now
from core.database.engine import SessionFactory
from core.database.pages import Page
from core.records import image_lists, job_lists
from core.records import statistics as dashboard
from core.records.image_lists import ImageFilter
from core.records.job_lists import MEASURES, JobOrder
from core.records.records import JobFilter
from tests import postgres
from tests.bench import pages

LIMIT_MS = 50
PER_PAGE = 100
PATIENCE_S = 600  # chosen: all rows are filled in with a few statements
METHODS = ["gaussian", "gaussian", "gaussian", "pixelate", "solid", "elliptical"]
LARGE_BATCH, SMALL_BATCH = uuid.UUID(int=1), uuid.UUID(int=2)
# A quarter of the jobs are detections; 1 of 100 failed, and the failures are old; a tenth is one large batch.
IMAGES = """
    INSERT INTO images (id, filename, content_type, size_bytes, width, height, s3_key, created_at)
    SELECT md5('image' || n)::uuid, n || '.jpg', 'image/jpeg', 200000 + n % 1000, 1920, 1080,
        'originals/' || md5('image' || n)::uuid || '/' || n || '.jpg',
        now() - n * (:days * interval '1 day') / :images
    FROM generate_series(:first_image, :images) AS n
"""
JOBS = """
    INSERT INTO processing_jobs (id, image_id, batch_id, job_type, status, confidence_threshold, nms_threshold,
        blur_method, blur_strength, padding, output_format, output_quality, face_count, detections,
        processed_s3_key, processed_size_bytes, inference_ms, total_ms, created_at, finished_at, review_state)
    SELECT id, image_id, batch_id, CASE WHEN mask THEN 'mask' ELSE 'detect' END, status, 0.5, 0.4,
        CASE WHEN mask THEN (CAST(:methods AS text[]))[1 + n % 6] END,
        CASE WHEN mask THEN 199 END, CASE WHEN mask THEN 0.15 END, CASE WHEN mask THEN 'jpeg' END,
        CASE WHEN mask THEN 95 END, n % 4,
        jsonb_build_array(jsonb_build_object('bbox', jsonb_build_array(n, n, n, n), 'confidence', 0.9, 'area', n)),
        CASE WHEN mask THEN 'processed/' || image_id || '/' || id || '.jpeg' END, CASE WHEN mask THEN 150000 END,
        10 + n % 20, 20 + n % 20, created_at, created_at,
        CASE WHEN n % 50 = 9 THEN CASE WHEN n % 100 = 9 THEN 'pending' ELSE 'done' END END
    FROM (
        SELECT n, md5('job' || n)::uuid AS id, md5('image' || 1 + n % :images)::uuid AS image_id,
            n % 4 > 0 AS mask, now() - n * (:days * interval '1 day') / :jobs AS created_at,
            CASE WHEN n % 10 = 3 THEN CAST(:large AS uuid) WHEN n % 20000 = 7 THEN CAST(:small AS uuid)
                WHEN n % 10 = 5 THEN md5('batch' || n / 100)::uuid END AS batch_id,
            CASE WHEN n > :jobs * 9 / 10 AND n % 10 = 1 THEN 'failed' WHEN n < 500 AND n % 5 = 0 THEN 'queued'
                WHEN n < 20 THEN 'running' ELSE 'completed' END AS status
        FROM generate_series(:first_job, :jobs) AS n
    ) AS made
"""

# A tenth are links to the images of a page of 100, one record for all of them.
AUDIT = """
    INSERT INTO audit_records (at, actor_kind, actor, address, deed, target, outcome, request_id, detail)
    SELECT now() - n * (:days * interval '1 day') / :images, 'admin', 'admin', '192.0.2.' || n % 200,
        CASE WHEN n % 10 = 0 THEN 'original.linked' WHEN n % 10 = 1 THEN 'image.deleted' ELSE 'original.viewed' END,
        CASE WHEN n % 10 > 0 THEN md5('image' || n)::uuid END, 'ok', md5('request' || n)::uuid::text,
        CASE WHEN n % 10 = 0 THEN jsonb_build_object('count', 100, 'ids', (
            SELECT jsonb_agg(md5('image' || (n + i) % :images)::uuid) FROM generate_series(0, 99) AS i)) END
    FROM generate_series(:first_image, :images) AS n
"""
FACTS = """
    UPDATE images SET batch_id = newest.batch_id, face_count = newest.face_count, review_state = newest.review_state
    FROM (
        SELECT DISTINCT ON (image_id) image_id, batch_id, face_count, review_state FROM processing_jobs
        WHERE face_count IS NOT NULL ORDER BY image_id, created_at DESC, id DESC
    ) AS newest WHERE newest.image_id = images.id
"""


@dataclass(frozen=True)
class Seed:
    """How many rows there are, and over how many days; the first that are not there already."""

    jobs: int
    images: int
    days: int
    first_job: int = 1
    first_image: int = 1


@dataclass(frozen=True)
class Answer:
    """One question, the milliseconds of its statements, and what it found."""

    name: str
    ms: float
    total: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=1_000_000)
    parser.add_argument("--images", type=int, default=300_000)
    parser.add_argument("--days", type=int, default=180)
    parser.add_argument(
        "--url", default="", help="an empty database with all tables, instead of one of the bench's own"
    )
    parser.add_argument("--pages", action="store_true", help="measure the console's pages alone, not each query")
    args = parser.parse_args()
    seed = Seed(args.jobs, args.images, args.days)
    if args.url:
        _bench(engine.session_factory(config.read(database_url=args.url, database_timeout_s=PATIENCE_S)), seed)
        return
    with postgres.running(shared_buffers="512MB", max_wal_size="4GB") as server:
        server.execute("CREATE DATABASE bench")
        settings = config.read(database_url=server.url("bench"), database_timeout_s=PATIENCE_S)
        migrations.upgrade(settings)
        sessions = engine.session_factory(settings)
        if args.pages:
            fill(sessions, seed)
            with sessions() as session:
                tallies.fold(session)
        else:
            _bench(sessions, seed)
        pages.bench(sessions, server.url("bench"))


def _bench(sessions: SessionFactory, seed: Seed) -> None:
    fill(sessions, seed)
    for title in ("changes not folded", "changes folded"):
        print(f"\n{title}: the slowest of each kind, limit {LIMIT_MS} ms")
        with sessions() as session:
            for kind, questions in _kinds(seed.days).items():
                answers = sorted((ask(session, *question) for question in questions), key=lambda answer: answer.ms)
                late = sum(answer.ms > LIMIT_MS for answer in answers)
                print(f"{kind}: {len(answers)} questions, {late} over the limit")
                for answer in answers[-3:]:
                    print(f"    {answer.ms:7.1f} ms  {answer.name}  ({answer.total} rows)")
            tallies.fold(session)


def fill(sessions: SessionFactory, seed: Seed) -> None:
    """Put rows into a Postgres that has all tables."""
    started = time.monotonic()
    numbers = vars(seed) | {"methods": METHODS, "large": LARGE_BATCH, "small": SMALL_BATCH}
    with sessions.begin() as session:
        session.execute(text(IMAGES), numbers)
        # Row by row the trigger would take minutes: it is asked once for all, as its migration does.
        session.execute(text("ALTER TABLE processing_jobs DISABLE TRIGGER facts_images_insert"))
        session.execute(text(JOBS), numbers)
        session.execute(text("ALTER TABLE processing_jobs ENABLE TRIGGER facts_images_insert"))
        session.execute(text(FACTS))
        session.execute(text(AUDIT), numbers)
    with sessions.kw["bind"].connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
        size = connection.scalar(text("SELECT pg_size_pretty(pg_database_size(current_database()))"))
        version = connection.scalar(text("SHOW server_version"))
    rows = f"{seed.jobs} jobs, {seed.images} images, as many records of the audit trail, over {seed.days} days"
    print(f"Postgres {version}: {rows}, {size}, filled in {time.monotonic() - started:.0f} s")


def _kinds(days: int) -> dict[str, list[tuple[str, Callable[[Session], int]]]]:
    filters = list(_filters(timedelta(days=days)))
    return {
        "stats": [("", lambda session: dashboard.read(session).total_jobs)],
        "jobs, page 1": [_jobs(wanted, "1") for wanted in filters],
        "jobs, page 100": [_jobs(wanted, "100") for wanted in filters],
        "jobs, middle page": [_jobs(wanted, "middle") for wanted in filters],
        "jobs, last page": [_jobs(wanted, "last") for wanted in filters],
        "jobs in an order, any page": [
            _jobs(wanted, which, order)
            for wanted in filters[::47]  # chosen: ten that differ in everything, not an hour for all
            for order in MEASURES
            for which in ("1", "100", "middle", "last")
        ],
        "images, any page": [
            _images(wanted, which)
            for wanted in _image_filters(timedelta(days=days))
            for which in ("1", "100", "middle", "last")
        ],
    }


def _filters(age: timedelta) -> Iterator[JobFilter]:
    """Yield every combination that is not empty by definition, over all time and over ranges cut anywhere."""
    end = now()
    ranges: list[tuple[datetime | None, datetime | None]] = [
        (None, None),
        (end - age * 0.983, end - age * 0.012),
        (end - age * 0.167, None),
        (None, end - age * 0.557),
        (end - age * 0.281, end - age * 0.28),
    ]
    kinds = [(None, None), ("detect", None), ("mask", None), (None, "gaussian"), ("mask", "solid")]
    statuses: list[tuple[str, ...]] = [(), ("completed",), ("failed",), ("queued",), ("failed", "cancelled")]
    for (job_type, method), status, batch, limits in itertools.product(
        kinds, statuses, (None, LARGE_BATCH, SMALL_BATCH), ranges
    ):
        yield JobFilter(job_type, method, status, batch, *limits)


def _image_filters(age: timedelta) -> Iterator[ImageFilter]:
    """Yield filters that find all, many, few and none of the images."""
    end = now()
    yield ImageFilter()
    yield ImageFilter(created_after=end - age * 0.281, created_before=end - age * 0.28)
    for name in (".jpg", "77", "12345", "nowhere"):
        yield ImageFilter(name=name)
        yield ImageFilter(name=name, min_faces=2, created_after=end - age * 0.5)
    for least, most in ((0, 0), (1, 2), (3, None), (4, None)):
        yield ImageFilter(min_faces=least, max_faces=most)
    for batch_id in (LARGE_BATCH, SMALL_BATCH):
        yield ImageFilter(batch_id=batch_id)
        yield ImageFilter(batch_id=batch_id, name="77", min_faces=1)
    for state in ("pending", "done"):
        yield ImageFilter(review_state=state)
        yield ImageFilter(review_state=state, name="12345")


def _jobs(wanted: JobFilter, which: str, order: JobOrder = JobOrder.NEWEST) -> tuple[str, Callable[[Session], int]]:
    def ask(session: Session, page: int) -> Page[Any]:
        return job_lists.page(session, page, PER_PAGE, wanted, order)

    said = {name: str(value) for name, value in vars(wanted).items() if value is not None}
    return f"page {which} of {said or 'all'}, {order.value}", lambda session: _paged(session, ask, which)


def _images(wanted: ImageFilter, which: str) -> tuple[str, Callable[[Session], int]]:
    def ask(session: Session, page: int) -> Page[Any]:
        return image_lists.page(session, page, PER_PAGE, wanted)

    said = {name: str(value) for name, value in vars(wanted).items() if value is not None}
    return f"page {which} of {said or 'all'}", lambda session: _paged(session, ask, which)


def _paged(session: Session, ask: Callable[[Session, int], Page[Any]], which: str) -> int:
    if which.isdigit():
        return ask(session, int(which)).total
    pages: int = session.info["pages"] if "pages" in session.info else ask(session, 1).pages
    session.info["pages"] = pages
    return ask(session, max(1, pages // 2 if which == "middle" else pages)).total


def ask(session: Session, name: str, question: Callable[[Session], int]) -> Answer:
    """Ask once to learn the statements, then have each explained."""
    session.info.clear()
    question(session)  # finds the last page
    sent: list[tuple[str, Any]] = []

    def note(_c: Connection, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        sent.append((statement, parameters))

    connection = session.connection()
    event.listen(connection, "before_cursor_execute", note)
    total = question(session)
    event.remove(connection, "before_cursor_execute", note)
    return Answer(name, statistics.median(_explained(connection, sent) for _ in range(3)), total)


def _explained(connection: Connection, sent: list[tuple[str, Any]]) -> float:
    spent = 0.0
    for statement, parameters in sent:
        plan = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters).scalar()
        found = plan if isinstance(plan, list) else json.loads(str(plan))
        spent += found[0]["Planning Time"] + found[0]["Execution Time"]
    return spent


if __name__ == "__main__":
    main()
