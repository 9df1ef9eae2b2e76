"""What the console's pages cost the web tier when there are many rows; `python -m tests.bench.database` runs it.

Every page is asked for five times of an app in this process; what is told is the median, with templates and all.
"""

import base64
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from flask.testing import FlaskClient

from core import config, services
from core.database.engine import SessionFactory
from core.observability import logs
from core.records import records
from core.records.records import JobFilter
from tests.ports import free_port
from tests.stack import start_valkey
from web.app import create_app

LIMIT_MS = 300
TIMES = 5
PASSWORD = "correct horse"


def bench(sessions: SessionFactory, database_url: str) -> None:
    """Print how long the pages take over what is in the database."""
    logs.configure("warning")
    port = free_port()
    valkey = start_valkey(port)
    with TemporaryDirectory() as folder:
        values = {"database_url": database_url, "redis_url": f"redis://127.0.0.1:{port}/0", "var_dir": Path(folder)}
        settings = config.read(**values, admin_password=PASSWORD)
        client = create_app(services.build(settings)).test_client()
        answers = sorted((_median(client, path), path) for path in _paths(sessions))
    valkey.kill()
    valkey.wait()
    late = sum(ms > LIMIT_MS for ms, _ in answers)
    print(f"\nthe console's pages: {len(answers)}, {late} over the limit of {LIMIT_MS} ms")
    for ms, path in reversed(answers):
        print(f"    {ms:7.1f} ms  {path}")


def _median(client: FlaskClient, path: str) -> float:
    token = base64.b64encode(f"admin:{PASSWORD}".encode()).decode()
    spent = []
    for _ in range(TIMES):
        started = time.perf_counter()
        response = client.get(path, headers={"Authorization": f"Basic {token}"})
        spent.append((time.perf_counter() - started) * 1000)
        assert response.status_code == 200, (path, response.status_code)
    return statistics.median(spent)


def _paths(sessions: SessionFactory) -> Iterator[str]:
    with sessions() as session:
        images = records.page_images(session, 1, 24)
        jobs = records.page_jobs(session, 1, 20)
        failed = records.page_jobs(session, 1, 20, JobFilter(statuses=("failed",)))
    yield from ("/console/", "/console/?span=day", "/console/keys", "/console/review", "/console/test")
    yield from ("/console/batches", "/console/batches/new")
    yield f"/console/images/{images.items[0].image.id}"
    yield f"/console/jobs/{jobs.items[0].id}"
    for page in (1, images.pages // 2, images.pages):
        yield f"/console/images?page={page}"
    for order in ("newest", "oldest"):
        for page in (1, 100, jobs.pages // 2, jobs.pages):
            yield f"/console/jobs?page={page}&order={order}"
    for text in (".jpg", "77", "12345", "nowhere", str(jobs.items[0].id)[:8], str(images.items[0].image.id)[:8]):
        yield f"/console/search?q={text}"
        yield f"/console/images?name={text}"
    yield "/console/videos"
    yield from ("/console/audit", "/console/audit?page=3000", "/console/audit?deed=image.deleted&page=100")
    yield from (f"/console/audit?target={images.items[0].image.id}", "/console/audit?address=192.0.2.7&actor=nobody")
    yield f"/console/jobs?status=failed&page={failed.pages}"
    yield "/console/jobs?method=gaussian&status=completed&page=1000&per_page=100"
