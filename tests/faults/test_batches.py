"""A batch while everything dies around it: at the end each picture has one outcome, as if nothing had happened."""

import hashlib
import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
import redis
import requests
from sqlalchemy import func, select

from core.batches import lifecycle
from core.database.models import Batch, BatchItem, Image, ProcessingJob
from core.engine import protocol
from tests.faults import crops, outcomes, results
from tests.faults.calls import ask, upload
from tests.faults.conftest import Scale, Site
from tests.faults.crops import POISON
from tests.faults.killers import Killer, Progress
from tests.faults.outcomes import listed, wait
from tests.stack import Stack, start_valkey


@pytest.fixture(scope="session")
def pictures(request: pytest.FixtureRequest, scale: Scale) -> dict[str, bytes]:
    return crops.made(scale.pictures, request.config.getoption("--shared"))


@pytest.fixture(scope="session")
def expected(pictures: dict[str, bytes], model: tuple[str, Path]) -> dict[str, bytes]:
    """What comes of each picture where nothing dies."""
    return outcomes.expected(pictures, model)


# --- disturbances --------------------------------------------------------------------------------


def killer_of(stack: Stack, scale: Scale) -> Killer:
    unfinished = BatchItem.state.in_(("queued", "running"))
    marked = select(func.count()).where(BatchItem.lost_leases >= 2, unfinished)
    progress = Progress(select(func.sum(Batch.completed)), marked, scale.pictures // 100 + 1)
    return Killer(stack, scale.every_s, progress, whole_every=4)


def flush(site: Site, scale: Scale) -> None:
    site.stack.services.redis.flushall()


def restart_redis(site: Site, scale: Scale) -> None:
    site.stack.kill("redis")
    time.sleep(1)
    site.stack.processes["redis"] = start_valkey(site.stack.redis_port)


def restart_postgres(site: Site, scale: Scale) -> None:
    if site.postgres:
        site.postgres.stop()
        time.sleep(2)
        site.postgres.start()


def stop_store(site: Site, scale: Scale) -> None:
    with site.without_store():
        time.sleep(scale.outage_s)


def kill_web(site: Site, scale: Scale) -> None:
    site.stack.kill("serve")
    site.stack.launch("serve")


DISTURBANCES: list[Callable[[Site, Scale], None]] = [
    kill_web,
    flush,
    restart_redis,
    restart_postgres,
    stop_store,
    flush,
]


def is_done(stack: Stack, batch: str, share: float) -> bool:
    return share_done(stack, batch) >= share


def share_done(stack: Stack, batch: str) -> float:
    shown = ask(stack, "GET", f"/batches/{batch}")
    assert not shown["counts"]["failed"], listed(stack, batch)
    return float(shown["counts"]["completed"])


# --- what stays ----------------------------------------------------------------------------------


def test_every_picture_has_one_outcome(
    site: Site, scale: Scale, pictures: dict[str, bytes], expected: dict[str, bytes]
) -> None:
    stack = site.stack
    batch = ask(stack, "POST", "/batches", json={"name": "faults"}, headers={"Idempotency-Key": "one"})["id"]
    killer = killer_of(stack, scale)
    with killer.at_work(), ThreadPoolExecutor(1) as pool:
        sent = pool.submit(upload, stack, batch, pictures)
        for number, disturb in enumerate(DISTURBANCES):
            wanted = scale.pictures * number / (len(DISTURBANCES) + 1)
            stack.until(partial(is_done, stack, batch, wanted), 900)
            disturb(site, scale)
        sent.result()
        ask(stack, "POST", f"/batches/{batch}/close")
        shown = wait(stack, batch, 900)
    results.write("batch", full=scale.full, pictures=len(pictures), kills=killer.kills, counts=shown["counts"])
    assert killer.kills >= 2
    counts = dict.fromkeys(shown["counts"], 0) | {"completed": len(pictures)}
    assert shown["counts"] == counts | {"total": len(pictures)}
    assert shown["status"] == "completed"
    assert_complete(stack, batch, pictures, expected)


def assert_complete(stack: Stack, batch: str, pictures: dict[str, bytes], expected: dict[str, bytes]) -> None:
    """Every picture is there once, with its result; no row and no result is left over."""
    outcomes.assert_items(listed(stack, batch), pictures, expected)
    store, sessions = stack.services.store, stack.services.sessions
    assert store is not None and sessions is not None
    # A write that is killed leaves its part, which maintenance removes as an orphan.
    results = [stored.key for stored in store.list("processed/") if not stored.key.endswith(".part")]
    assert len(results) == len(pictures), "a result was stored twice"
    with sessions() as session:
        assert set(results) == set(session.scalars(select(ProcessingJob.processed_s3_key)))
        assert session.scalar(select(func.count()).select_from(Image)) == len(pictures)
        statuses = dict(
            session.execute(select(ProcessingJob.status, func.count()).group_by(ProcessingJob.status)).all()
        )
        assert statuses == {"completed": len(pictures)}
        kept = lifecycle.get(session, session.scalars(select(BatchItem.batch_id).limit(1)).one())
        assert kept.faces == session.scalar(select(func.sum(BatchItem.face_count)))


def test_poisonous_picture_is_quarantined(site: Site, pictures: dict[str, bytes], expected: dict[str, bytes]) -> None:
    stack, names = site.stack, list(pictures)[:12]
    poison = names[4]
    digest = hashlib.sha256(pictures[poison]).hexdigest()
    stack.kill("worker")
    stack.settings[POISON] = digest
    celery = [sys.executable, "-m", "celery", "--quiet", "--app=tests.faults.worker"]
    stack.commands["worker"] = [*celery, "worker", "--queues=interactive,batch", "--concurrency=2"]
    stack.launch("worker")
    batch = ask(stack, "POST", "/batches", json={"name": "poison"})["id"]
    upload(stack, batch, {name: pictures[name] for name in names})
    ask(stack, "POST", f"/batches/{batch}/close")
    shown = wait(stack, batch, 900)
    assert (shown["counts"]["completed"], shown["counts"]["failed"]) == (len(names) - 1, 1)
    found = {item["name"]: item for item in listed(stack, batch)}
    bad = found.pop(poison)
    assert (bad["state"], bad["error"]["code"], bad["attempts"]) == ("failed", "quarantined", 3)
    assert "3 workers died" in bad["error"]["detail"]
    for name, item in found.items():
        assert requests.get(item["result_url"], timeout=30).content == expected[name]


def test_call_waits_for_one_item_at_most(site: Site, pictures: dict[str, bytes]) -> None:
    """Counted in the lines of the worker's log, so that it holds on a slow machine, too."""
    stack = site.stack
    stack.kill("worker")
    stack.settings["FACE_API_WORKER_PROCESSES"] = "1"
    stack.launch("worker")
    stack.wait_until_ready()
    thorough = {"detail": "thorough"}  # so that many are left when the calls are over
    batch = ask(stack, "POST", "/batches", json={"name": "fair", "options": thorough})["id"]
    upload(stack, batch, pictures)
    picture = next(iter(pictures.values()))

    def call() -> int:
        files, headers = {"image": picture}, {"X-API-Key": stack.key}
        return requests.post(f"{stack.url}/api/v1/detect", files=files, headers=headers, timeout=60).status_code

    waiting, seen = redis.Redis.from_url(stack.redis_url), 0
    with ThreadPoolExecutor(1) as caller:
        for _ in range(8):
            answer = caller.submit(call)
            # Until it waits for the worker, the call is on its way through the web tier.
            while not (answer.done() or waiting.zcard(protocol.WAITING)):
                time.sleep(0.002)
            since, seen = datetime.now(UTC), seen + (not answer.done())
            assert answer.result() == 200
            assert items_before_call(stack, since) <= 1, "more than the one that was being worked on"
    assert seen, "no call was seen waiting"
    shown = ask(stack, "POST", f"/batches/{batch}/cancel")
    assert shown["counts"]["cancelled"] > 0, "the batch was over before the calls were"


def items_before_call(stack: Stack, since: datetime) -> int:
    """Count the items that the worker finished after a moment and before the next call that it finished."""
    items = 0
    for line in stack.log("worker").splitlines():
        event = json.loads(line) if line.startswith("{") else {}
        if event.get("timestamp", "") < since.isoformat():
            continue
        if event["event"] == "task_finished":
            break
        items += event["event"] == "item_finished"
    return items
