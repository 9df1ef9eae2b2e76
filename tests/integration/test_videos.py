"""Videos from the upload to the result, with real workers."""

import json
import time
import uuid
from typing import Any

import numpy as np
import psutil
import pytest
import requests
import skimage.data
from sqlalchemy import select

from core.batches.videos import objects
from core.database.models import VideoStep
from tests import clips
from tests.clips import Clip
from tests.conftest import StartService
from tests.stack import Stack

ADMIN = ("admin", "correct horse")
ENDED = {"completed", "failed", "cancelled"}


@pytest.fixture(scope="module")
def service(start_service: StartService) -> Stack:
    return start_service(FACE_API_WORKER_PROCESSES="2", FACE_API_BATCH_LEASE_S="5")


def call(service: Stack, method: str, path: str = "", **options: Any) -> requests.Response:
    return requests.request(method, f"{service.url}/api/v1/videos{path}", auth=ADMIN, timeout=60, **options)


def send(service: Stack, file: bytes, **query: Any) -> str:
    response = call(service, "POST", files={"video": ("street.mp4", file)}, params=query)
    assert response.status_code == 202, response.text
    return str(response.json()["id"])


def ended(service: Stack, video: str, within_s: float = 600) -> dict[str, Any]:
    """Wait until a video has ended; progress never goes back meanwhile."""
    deadline, last = time.monotonic() + within_s, 0.0
    while True:
        shown: dict[str, Any] = call(service, "GET", f"/{video}").json()
        if shown["status"] in ENDED:
            return shown
        assert time.monotonic() < deadline, (shown, service.log("worker")[-3000:])
        assert shown["progress"] >= last
        last = shown["progress"]
        time.sleep(0.2)


def completed(service: Stack, file: bytes, **query: Any) -> tuple[dict[str, Any], bytes, list[dict[str, Any]]]:
    """Mask a video; return what is known of it, the result and the tracks."""
    video = send(service, file, **query)
    shown = ended(service, video)
    assert shown["status"] == "completed", (shown["error"], service.log("worker")[-3000:])
    result = call(service, "GET", f"/{video}/result")
    assert result.status_code == 200, result.text
    return shown, result.content, tracks(service, video)


def tracks(service: Stack, video: str) -> list[dict[str, Any]]:
    response = call(service, "GET", f"/{video}/tracks")
    assert response.status_code == 200
    return [json.loads(line) for line in response.text.splitlines()]


def assert_covered(clip: Clip, result: bytes) -> None:
    """Every frame is there, and no face is: `solid` masks are black."""
    found = clips.frames(result)
    assert len(found) == clip.frames
    for number, (_, pixels) in enumerate(found):
        left, top, right, bottom = clips.face_box(clip, number)
        assert np.median(pixels[top:bottom, left:right]) < 30, f"frame {number} shows the face"


def test_every_face_of_a_video_is_covered(service: Stack) -> None:
    clip = Clip(frames=60, sound=True)
    file = clips.made(clip)
    shown, result, lines = completed(service, file, method="solid", detail="fast")
    assert_covered(clip, result)
    assert (shown["frames_total"], shown["frames_done"], shown["progress"]) == (60, 60, 1)
    assert (shown["width"], shown["height"], shown["fps"], shown["codec"]) == (640, 360, 25, "h264")
    assert shown["faces_tracked"] >= 1 and shown["finished_at"] and shown["eta_s"] is None
    assert [line["frame"] for line in lines] == list(range(60))
    assert all(line["faces"] for line in lines)
    assert [time_s for time_s, _ in clips.frames(result)] == pytest.approx(
        [time_s for time_s, _ in clips.frames(file)], abs=0.001
    )
    assert clips.sound_samples(result) == clips.sound_samples(file) > 0


def test_stride_and_webm_cover_every_face(service: Stack) -> None:
    clip = Clip(frames=40)
    shown, result, lines = completed(service, clips.made(clip), method="solid", detail="fast", stride=4, format="webm")
    assert_covered(clip, result)
    assert result[:4] == b"\x1a\x45\xdf\xa3"
    assert shown["interpolated_share"] > 0.6, "three of four frames were not searched"
    assert {face["seen"] for line in lines for face in line["faces"]} == {True, False}


def test_video_without_faces_stays_as_it_is(service: Stack) -> None:
    clip = Clip(frames=30, faces=False)
    file = clips.made(clip)
    shown, result, lines = completed(service, file, detail="fast", format="mp4")
    assert (shown["faces_tracked"], shown["interpolated_share"]) == (0, 0)
    assert [line["faces"] for line in lines] == [[]] * 30
    for (_, before), (_, after) in zip(clips.frames(file), clips.frames(result), strict=True):
        assert np.abs(after.astype(int) - before).mean() < 4, "what coding twice costs"


def test_cut_off_video_fails_with_a_reason(service: Stack) -> None:
    file = clips.made(Clip(frames=30))
    video = send(service, file[: len(file) // 2])
    shown = ended(service, video)
    assert (shown["status"], shown["error"]["code"]) == ("failed", "invalid_video")
    assert len(shown["error"]["detail"]) > 10
    assert call(service, "GET", f"/{video}/result").status_code == 404


# --- several segments --------------------------------------------------------------------------------------------

LONG = Clip(frames=160, fps=5, key_every=10)  # three segments
SLOW = {"method": "solid", "detail": "thorough"}


@pytest.fixture(scope="module")
def long_video() -> bytes:
    return clips.made(LONG)


def running(service: Stack, kind: str) -> dict[uuid.UUID, uuid.UUID | None]:
    """The leases of the steps of this kind that run, by step."""
    assert service.services.sessions is not None
    with service.services.sessions() as session:
        found = select(VideoStep.id, VideoStep.lease).where(VideoStep.state == "running", VideoStep.kind == kind)
        return {row.id: row.lease for row in session.execute(found)}


def lost_leases(service: Stack, video: str) -> int:
    assert service.services.sessions is not None
    with service.services.sessions() as session:
        found = select(VideoStep.lost_leases).where(VideoStep.video_id == uuid.UUID(video))
        return sum(session.scalars(found))


def stored(service: Stack, video: str) -> set[str]:
    assert service.services.store is not None
    return {found.key for found in service.services.store.list(f"videos/{video}/")}


def kill_processes(service: Stack) -> None:
    """Kill the processes of the worker's pool; their parent starts others."""
    for process in psutil.Process(service.processes["worker"].pid).children():
        process.kill()


def test_killed_workers_change_nothing(service: Stack, long_video: bytes) -> None:
    shown, undisturbed, lines = completed(service, long_video, method="solid", detail="fast")
    assert_covered(LONG, undisturbed)
    video = send(service, long_video, method="solid", detail="fast")
    for kind in ("detect", "render"):
        service.until(lambda kind=kind: len(running(service, kind)) > 0)  # type: ignore[misc]  # a loop's variable
        kill_processes(service)
    again = ended(service, video)
    assert again["status"] == "completed", again["error"]
    assert lost_leases(service, video) >= 2, "no worker had a step"
    assert tracks(service, video) == lines
    assert call(service, "GET", f"/{video}/result").content == undisturbed
    assert again["faces_tracked"] == shown["faces_tracked"]


def test_call_is_answered_between_frames(service: Stack, long_video: bytes) -> None:
    video = send(service, long_video, **SLOW)
    service.until(lambda: len(running(service, "detect")) == 2)
    before = running(service, "detect")
    picture = clips.jpeg(skimage.data.astronaut())
    answer = requests.post(
        f"{service.url}/api/v1/mask", files={"image": picture}, headers={"X-API-Key": service.key}, timeout=60
    )
    assert answer.status_code == 200 and answer.headers["X-Face-Count"] == "1"
    assert running(service, "detect") == before, "both processes have had their steps all the time"
    assert call(service, "POST", f"/{video}/cancel").json()["status"] == "cancelled"
    # Its workers notice it, and what they had stored is removed.
    service.until(lambda: not running(service, "detect"))
    service.until(lambda: stored(service, video) == {objects.source(uuid.UUID(video))})
    assert call(service, "DELETE", f"/{video}").status_code == 204
    assert stored(service, video) == set()


def test_completed_video_keeps_three_objects(service: Stack) -> None:
    shown, _, _ = completed(service, clips.made(Clip(frames=10)), detail="fast")
    video = shown["id"]
    key = uuid.UUID(video)
    kept = {objects.source(key), objects.tracks(key), objects.result(key, "mp4")}
    service.until(lambda: stored(service, video) == kept)
    assert call(service, "DELETE", f"/{video}").status_code == 204
    assert stored(service, video) == set()
