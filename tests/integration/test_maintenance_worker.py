"""Maintenance has a worker of its own: one at a time, in slices, and never a process of the engine's."""

import subprocess
import sys
import uuid
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import redis

from core import config, maintenance
from core.engine import client
from core.records import cleanups, deletions
from core.services import Services
from core.storage import objects
from tests import databases
from tests.conftest import BuildServices, StartService
from tests.integration.test_engine import face, mask, until
from tests.stack import ROOT, Stack
from worker import maintenance_lease
from worker.maintenance_app import app
from worker.maintenance_lease import MaintenanceLease

BACKLOG = 50_000  # measured: 15,000 a second are removed on an idle machine, where a call takes 0.3 s
TRIES = 5  # chosen: a busy machine may keep the one from working while the other does


def register_backlog(made: Services, count: int = BACKLOG) -> None:
    assert made.sessions is not None
    with made.sessions() as session:
        for _ in range(0, count, 1000):
            cleanups.register(session, [objects.original_key(uuid.uuid4(), "a.jpg") for _ in range(1000)])
        session.commit()


def tasks_of(module: str) -> set[str]:
    """Return the names of an app's tasks, in a process that knows no other app."""
    program = f"from {module} import app; app.finalize(); print(*app.tasks)"
    return set(
        subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True, text=True
        ).stdout.split()
    )


def left(made: Services) -> int:
    assert made.sessions is not None
    with made.sessions() as session:
        return cleanups.count(session)


def begun(service: Stack) -> int:
    return service.log("maintenance").count('"maintenance_begun"')


@pytest.fixture(scope="module")
def maintained(start_service: StartService) -> Stack:
    """Return a service of which only maintenance is looked at."""
    return start_service(programs=("serve", "maintenance"))


@pytest.fixture
def made(tmp_path: Path, valkey: str, build_services: BuildServices) -> Services:
    settings = config.read(var_dir=tmp_path / "var", redis_url=valkey)
    databases.migrate(settings)
    redis.Redis.from_url(valkey).flushall()
    return build_services(settings)


def test_engine_knows_no_maintenance() -> None:
    regular = {entry["task"] for entry in app.conf.beat_schedule.values()}
    engine, own = tasks_of("worker.app"), tasks_of("worker.maintenance_app")
    assert regular <= own and not regular & engine
    assert set(client.ANSWER_KINDS) <= engine and not set(client.ANSWER_KINDS) & own


def test_no_message_comes_back_while_its_task_runs() -> None:
    assert not any(app.tasks[entry["task"]].acks_late for entry in app.conf.beat_schedule.values())
    assert not app.conf.broker_transport_options["ack_emulation"]


def test_backlog_is_worked_off_in_slices(made: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    register_backlog(made, 1000)
    assert maintenance.clean_storage(made, 0).waiting == 1000
    removed = list[str]()
    monkeypatch.setattr(made.store, "delete", removed.append)
    monkeypatch.setattr(deletions, "time", SimpleNamespace(monotonic=lambda: float(len(removed))))  # a second for each
    assert maintenance.clean_storage(made, 20).removed == 20


def test_backlog_takes_no_process_of_the_engine(start_service: StartService) -> None:
    service = start_service()
    for _ in range(TRIES):
        register_backlog(service.services)
        before = left(service.services)
        until(lambda before=before: left(service.services) < before)
        assert mask(service, face()).headers["X-Face-Count"] == "1"
        if left(service.services):
            break
    assert left(service.services), "each backlog was gone before the call"
    service.kill("maintenance")
    before = left(service.services)
    assert mask(service, face()).headers["X-Face-Count"] == "1"
    assert left(service.services) == before
    assert '"maintenance_finished"' not in service.log("worker")


def test_one_works_and_the_next_takes_over(maintained: Stack) -> None:
    service = maintained
    until(lambda: begun(service) == 1)
    first = service.processes.pop("maintenance")
    service.launch("maintenance")
    second = psutil.Process(service.processes["maintenance"].pid)
    until(lambda: second.cpu_times().user > 0.3 and second.nice() == 10)  # it waits for the lease
    assert begun(service) == 1
    first.kill()
    first.wait()
    until(lambda: begun(service) == 2)


def test_lost_lease_ends_the_work(maintained: Stack) -> None:
    service = maintained
    until(lambda: begun(service) > 0)
    before = begun(service)
    client = redis.Redis.from_url(service.redis_url)
    client.set(maintenance_lease.KEY, "another")
    until(lambda: '"maintenance_lease_lost"' in service.log("maintenance"))
    client.delete(maintenance_lease.KEY)
    until(lambda: begun(service) == before + 1)
    assert service.processes["maintenance"].poll() is None


def test_lease_is_one_processs(made: Services, build_services: BuildServices) -> None:
    first, second = MaintenanceLease(made.redis), MaintenanceLease(made.redis)
    assert first.extend(otherwise=False) and first.extend(otherwise=False)
    assert not second.extend(otherwise=True)
    gone = build_services(config.read(redis_url="redis://127.0.0.1:1/0")).redis
    assert MaintenanceLease(gone).extend(otherwise=True) and not MaintenanceLease(gone).extend(otherwise=False)
