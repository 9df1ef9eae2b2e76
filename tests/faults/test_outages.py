"""Redis, Postgres and the S3 server killed, stopped, slowed and restarted under callers: nobody meets a defect."""

import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import select

from core.database.models import CleanupTask, Image
from core.records import cleanups, comparisons
from core.storage.objects import OWN_PREFIXES
from tests.faults import crops, results
from tests.faults.callers import KEPT, UNKEPT, Answer, Callers, repeated
from tests.faults.conftest import OWN, Scale
from tests.faults.tiers import FAULTS, POSTGRES, REDIS, S3, Tier, standing
from tests.stack import Stack

CALLERS = 8
HEALTH_EVERY_S = 0.1
RECOVERED_S = 180.0  # chosen: costs time only where a test fails anyway
ALLOWED = {KEPT, UNKEPT, "503", "504"}
SHORT = {(REDIS, "killed"), (POSTGRES, "killed"), (S3, "slow")}

Standing = tuple[Stack, dict[str, Tier]]


def _standing(folder: Path, model: tuple[str, Path], *, proxied: bool) -> Any:
    name, weights = model
    own = OWN | {"FACE_API_MODEL": name, "FACE_API_WEIGHTS_DIR": str(weights), "FACE_API_WORKER_PROCESSES": "1"}
    return standing(folder, own, proxied=proxied)


@pytest.fixture(scope="module")
def direct(model: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    with _standing(tmp_path_factory.mktemp("direct"), model, proxied=False) as made:
        yield made


@pytest.fixture(scope="module")
def slowable(model: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    with _standing(tmp_path_factory.mktemp("slowable"), model, proxied=True) as made:
        yield made


@dataclass
class HealthLog:
    """What /health said, and when."""

    stack: Stack
    said: list[tuple[float, int]] = field(default_factory=list)

    def ask(self) -> None:
        status = requests.get(f"{self.stack.url}/health", timeout=120).status_code
        self.said.append((time.monotonic(), status))

    def first(self, status: int, after: float) -> float | None:
        """Return how long after a moment it first said this."""
        return next((round(at - after, 1) for at, said in list(self.said) if at >= after and said == status), None)


@dataclass(frozen=True)
class Outage:
    """One fault. began, ended: by time.monotonic()."""

    began: float
    ended: float
    health: HealthLog
    answers: list[Answer]

    def told(self) -> dict[str, Any]:
        """Return its figures, in seconds."""
        worse = [answer for answer in self.answers if answer.outcome != KEPT and answer.ended >= self.began]
        during = [answer.took_s for answer in self.answers if answer.ended >= self.began]
        return {
            "outcomes": dict(Counter(answer.outcome for answer in self.answers)),
            "lasted_s": round(self.ended - self.began, 1),
            "health_noticed_s": self.health.first(503, self.began),
            "health_recovered_s": self.health.first(200, self.ended),
            "calls_noticed_s": round(min(one.ended for one in worse) - self.began, 1) if worse else None,
            "calls_recovered_s": max(0.0, round(max(one.ended for one in worse) - self.ended, 1)) if worse else None,
            "longest_s": round(max(during, default=0.0), 1),
        }


def disturb(stack: Stack, tier: Tier, fault: str, pictures: list[bytes], scale: Scale) -> Outage:
    """Have callers at work before, while and after a tier is disturbed, until they are served as before."""
    callers, health = Callers(stack, pictures, CALLERS), HealthLog(stack)
    with callers.at_work(), repeated(health.ask, HEALTH_EVERY_S):
        time.sleep(scale.outage_s / 4)
        began = time.monotonic()
        with FAULTS[fault](tier):
            time.sleep(scale.outage_s)
        ended = time.monotonic()
        time.sleep(scale.outage_s / 4)
        stack.until(lambda: _is_back(callers, ended), RECOVERED_S)
    return Outage(began, ended, health, callers.answers)


def _is_back(callers: Callers, since: float) -> bool:
    last = [answer for answer in list(callers.answers) if answer.began >= since][-2 * CALLERS :]
    return len(last) == 2 * CALLERS and all(answer.outcome == KEPT for answer in last)


@pytest.mark.parametrize("fault", list(FAULTS))
@pytest.mark.parametrize("name", [REDIS, POSTGRES, S3])
def test_outage_is_told_and_leaves_nothing(
    name: str, fault: str, request: pytest.FixtureRequest, scale: Scale, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not scale.full and (name, fault) not in SHORT:
        pytest.skip("only with --faults full")
    stack, tiers = request.getfixturevalue("slowable" if fault == "slow" else "direct")
    pictures = list(crops.made(40, request.config.getoption("--shared")).values())
    outage = disturb(stack, tiers[name], fault, pictures, scale)
    # Nothing is on its way any more; Swift rounds moments up.
    monkeypatch.setattr(comparisons, "ORPHAN_AGE", timedelta(minutes=-1))
    orphans = assert_whole(stack, [answer.image_id for answer in outage.answers if answer.outcome == KEPT])
    told = outage.told()
    results.write(f"outage-{name}-{fault}", full=scale.full, orphans=orphans, **told)
    assert {outcome.split(" ")[0] if outcome[0] == "5" else outcome for outcome in told["outcomes"]} <= ALLOWED


def assert_whole(stack: Stack, kept: list[str]) -> int:
    """What was said to be kept is there, and every row has its object; return how many objects have no row.

    All of them are clean-up tasks, at the latest once maintenance has compared store and rows.
    """
    store, sessions = stack.services.store, stack.services.sessions
    assert store is not None and sessions is not None
    found = comparisons.compare(store, sessions)
    assert found.missing == 0
    objects = {stored.key for prefix in OWN_PREFIXES for stored in store.list(prefix)}
    with sessions() as session:
        images = set(session.scalars(select(Image.id)))
        named = cleanups.known_keys(session, images)
        tasks = set(session.scalars(select(CleanupTask.s3_key)))
    assert {uuid.UUID(image_id) for image_id in kept} <= images
    assert objects - named <= tasks
    return found.orphans
