"""kill -9 between any two steps: nothing is lost, and nothing is left that maintenance doesn't find."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import redis
from sqlalchemy import select

from core import config, maintenance, services
from core.database.models import CleanupTask, Image, ProcessingJob
from core.records import comparisons
from core.records.comparisons import StorageDifferences
from core.services import Services
from tests import databases
from tests.stack import ROOT

DONE_WITHIN_S = 300


@dataclass(frozen=True)
class Place:
    """A database and a store of the test's own."""

    made: Services
    environment: dict[str, str]

    def run(self, action: str) -> int:
        """Have an action killed at each of its steps, and then done once undisturbed; return how many there are."""
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(config.PREFIX)}
        ran = subprocess.run(
            [sys.executable, "-m", "tests.integration.killed", action],
            cwd=ROOT,
            env=inherited | self.environment,
            capture_output=True,
            text=True,
            timeout=DONE_WITHIN_S,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr[-3000:]
        return int(ran.stdout)

    def objects(self) -> set[str]:
        """Keys of everything in the store."""
        assert self.made.store
        return {found.key for found in self.made.store.list()}

    def named(self) -> set[str]:
        """Keys that rows name."""
        assert self.made.sessions
        with self.made.sessions() as session:
            images = set(session.scalars(select(Image.s3_key)))
            jobs = session.execute(select(ProcessingJob.image_id, ProcessingJob.processed_s3_key)).all()
            assert {job.image_id for job in jobs} <= set(session.scalars(select(Image.id)))
            return images | {job.processed_s3_key for job in jobs if job.processed_s3_key}

    def tasks(self) -> set[str]:
        """Keys of what is still to be removed."""
        assert self.made.sessions
        with self.made.sessions() as session:
            return set(session.scalars(select(CleanupTask.s3_key)))

    def clean(self) -> None:
        """Let maintenance do all removals; what a killed process held is free when its connection has ended."""
        deadline = time.monotonic() + 120
        while maintenance.clean_storage(self.made).waiting:
            assert time.monotonic() < deadline, self.tasks()
            time.sleep(0.05)


@pytest.fixture
def place(tmp_path: Path, valkey: str, make_tiers: Callable[[], dict[str, str]]) -> Place:
    own = {"VAR_DIR": str(tmp_path / "var"), "REDIS_URL": valkey, "ADMIN_PASSWORD": "correct horse"}
    own |= {"RETENTION_DAYS": "30", "LOG_LEVEL": "error"}
    environment = {config.PREFIX + name: value for name, value in own.items()} | make_tiers()
    settings = config.read(**{name.removeprefix(config.PREFIX).lower(): text for name, text in environment.items()})
    databases.migrate(settings)
    redis.Redis.from_url(valkey).flushall()
    made = services.build(settings)
    assert made.store
    # The first object makes the bucket: tries that do so, too, would take more steps than later ones.
    made.store.put("originals/first", b"x", "image/jpeg")
    made.store.delete("originals/first")
    return Place(made, environment)


def assert_clean(place: Place) -> None:
    """After maintenance there is what the rows name, and nothing else."""
    place.clean()
    assert place.objects() == place.named()
    assert maintenance.compare(place.made) == StorageDifferences(orphans=0, missing=0)


@pytest.mark.parametrize("action", ["delete", "expire", "clean"])
def test_killed_removal_loses_no_task(place: Place, action: str) -> None:
    assert place.run(action) >= 6
    named, tasks, stored = place.named(), place.tasks(), place.objects()
    assert not named & tasks
    assert stored - named <= tasks, "an object that no row names and no task removes"
    assert named <= stored, "a row whose object is gone"
    assert tasks or action == "clean", "no try was killed between the commit and the removal"
    assert named or action == "expire", "no try was killed before the commit"
    assert_clean(place)


def test_killed_keeping_leaves_what_is_found(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    assert place.run("keep") >= 6
    assert place.named() <= place.objects(), "a row whose object is missing"
    left = place.objects() - place.named()
    assert left, "no try was killed between an object and its row"
    assert maintenance.compare(place.made).orphans == 0, "a young object may still get its row"
    monkeypatch.setattr(comparisons, "ORPHAN_AGE", timedelta(seconds=-10))
    assert maintenance.compare(place.made) == StorageDifferences(orphans=len(left), missing=0)
    assert_clean(place)


def test_killed_refusal_leaves_what_is_found(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    assert place.run("refuse") >= 2
    monkeypatch.setattr(comparisons, "ORPHAN_AGE", timedelta(seconds=-10))
    maintenance.compare(place.made)
    assert_clean(place)


def test_killed_comparison_is_repeated(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    assert place.run("compare") >= 4
    monkeypatch.setattr(comparisons, "ORPHAN_AGE", timedelta(seconds=-10))
    maintenance.compare(place.made)
    assert_clean(place)
