"""A video while workers die, Redis forgets and the store hangs: one result, the same bytes as without any of it."""

import contextlib
import time
from dataclasses import replace
from typing import Any

import pytest
import requests
from sqlalchemy import func, select

from core.database.models import Video, VideoStep
from tests import clips
from tests.clips import Clip
from tests.faults import results
from tests.faults.conftest import Scale, Site
from tests.faults.killers import Killer, Progress
from tests.stack import Stack

SHORT = Clip(frames=160, fps=5, key_every=10)  # three segments
FULL = Clip(frames=0, size=(1920, 1080), key_every=50)  # as long as --video-minutes says
KILL_EVERY_S = 20.0  # in the full form
OPTIONS = {"method": "solid", "detail": "fast"}
ENDED = {"completed", "failed", "cancelled"}
WITHIN_S = 3600


def killer_of(stack: Stack, scale: Scale) -> Killer:
    unfinished = VideoStep.state.in_(("queued", "running"))
    marked = select(func.count()).where(VideoStep.lost_leases >= 2, unfinished)
    done = select(func.count()).where(VideoStep.state == "completed")
    return Killer(stack, KILL_EVERY_S if scale.full else scale.every_s, Progress(done, marked))


def call(stack: Stack, method: str, path: str = "", **options: Any) -> requests.Response:
    own = ("admin", stack.settings["FACE_API_ADMIN_PASSWORD"])
    return requests.request(method, f"{stack.url}/api/v1/videos{path}", auth=own, timeout=120, **options)


def send(stack: Stack, file: bytes) -> str:
    response = call(stack, "POST", files={"video": ("street.mp4", file)}, params=OPTIONS)
    assert response.status_code == 202, response.text
    return str(response.json()["id"])


def waited(stack: Stack, video: str, share: float = 1.0) -> dict[str, Any]:
    """Wait until a video has come so far, or has ended."""
    shown: dict[str, Any] = {}

    def there() -> bool:
        with contextlib.suppress(requests.RequestException):
            response = call(stack, "GET", f"/{video}")
            if response.status_code == 200:
                shown.update(response.json())
        return bool(shown) and (shown["status"] in ENDED or shown["progress"] >= share)

    stack.until(there, WITHIN_S)
    return shown


def outcome(stack: Stack, video: str) -> tuple[bytes, str]:
    """The masked video and its tracks."""
    shown = waited(stack, video)
    assert shown["status"] == "completed", (shown["error"], stack.log("worker")[-3000:])
    found = [call(stack, "GET", f"/{video}/{what}") for what in ("result", "tracks")]
    assert [one.status_code for one in found] == [200, 200]
    return found[0].content, found[1].text


@pytest.fixture
def clip(request: pytest.FixtureRequest, scale: Scale) -> Clip:
    minutes = request.config.getoption("--video-minutes")
    return replace(FULL, frames=round(minutes * 60 * FULL.fps)) if scale.full else SHORT


def test_video_is_the_same_whatever_dies(site: Site, scale: Scale, clip: Clip) -> None:
    stack = site.stack
    file = clips.made(clip)
    undisturbed = outcome(stack, send(stack, file))
    killer, began = killer_of(stack, scale), time.monotonic()
    with killer.at_work():
        video = send(stack, file)
        waited(stack, video, 0.15)
        stack.services.redis.flushall()
        waited(stack, video, 0.3)
        with site.without_store():
            time.sleep(scale.outage_s)
        disturbed = outcome(stack, video)
    seconds = time.monotonic() - began
    lost = assert_one_result(stack, video)
    assert disturbed == undisturbed, "not the same bytes"
    assert killer.kills >= 1
    assert lost >= 1 or not scale.full  # a single kill may hit a process that has nothing to do
    results.write(
        "video",
        full=scale.full,
        seconds=round(clip.frames / clip.fps),
        size=list(clip.size),
        took_s=round(seconds),
        kills=killer.kills,
        lost_leases=lost,
        outage_s=scale.outage_s,
        faces=undisturbed[1].count('"track_id"'),
    )


def assert_one_result(stack: Stack, video: str) -> int:
    """Every step is completed, and there is one result; return how many leases were lost on the way."""
    store, sessions = stack.services.store, stack.services.sessions
    assert store is not None and sessions is not None
    kept = [found.key for found in store.list(f"videos/{video}/result")]
    assert len(kept) == 1
    with sessions() as session:
        (row,) = [one for one in session.scalars(select(Video)) if str(one.id) == video]
        assert row.result_key == kept[0]
        steps = list(session.scalars(select(VideoStep).where(VideoStep.video_id == row.id)))
        assert {step.state for step in steps} == {"completed"}
        return sum(step.lost_leases for step in steps)
