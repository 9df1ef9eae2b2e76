"""The steps of a video in a worker: what verification finds is masked or fails it, and what fails is done again."""

import base64
import gzip
import json
import multiprocessing
import signal
import sys
import threading
import time
import tracemalloc
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core import config, services
from core.batches.videos import lifecycle, objects, reaping, steps, uploads
from core.batches.videos.lifecycle import NewVideo, VideoSource
from core.batches.videos.steps import StepResult
from core.contract.options import ResolvedMaskOptions
from core.contract.reports import Face
from core.contract.states import StepKind
from core.contract.video_options import ResolvedVideoOptions
from core.database.models import Video
from core.engine.client import EngineClient
from core.engine.heartbeats import WorkerStatus
from core.errors import StorageUnavailable
from core.records import cleanups
from core.records.results import ResultStore
from core.services import Services
from core.storage.folder import FolderStore
from core.video import sampling
from tests import clips, databases
from tests.clips import Clip
from tests.core.batches.videos import made
from tests.core.vision.fakes import KnownFaces, Pixels, VisibleFaces
from tests.stack import PATIENCE_S
from worker.heartbeats import Heartbeat
from worker.leases import LeaseKeeper
from worker.runtime import Runtime
from worker.videos import rendering, turns
from worker.videos.steps import JSON_TYPE
from worker.videos.tasks import VideoWorker
from worker.videos.turns import Turns

BOX = (48.0, 32.0, 96.0, 80.0)
CLIP = Clip(frames=30, size=(160, 112), key_every=10)
CROWD = 50  # faces
SEARCHED = 5  # frames of it: nothing moves in `stripes`


def stripes(clip: Clip, _: int) -> Pixels:
    """A frame in which a fake detector sees a face wherever nothing hides it."""
    width, height = clip.size
    return np.tile((np.arange(width, dtype=np.uint8) % 2 * 120 + 60)[None, :, None], (height, 1, 3))


class LateFaces(VisibleFaces):
    """Finds its faces from the n-th look on: the first pass misses them."""

    def __init__(self, *boxes: Any, looks: int) -> None:
        super().__init__(*boxes)
        self.looks = looks

    def seen(self, pixels: Pixels) -> list[Face]:
        self.looks -= 1
        return super().seen(pixels) if self.looks < 0 else []


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    """Return services whose Redis is away; nothing waits for it."""
    monkeypatch.setattr(EngineClient, "next_waiting_call", lambda engine: None)
    settings = config.read(var_dir=tmp_path / "var", redis_url="redis://127.0.0.1:1/0")
    databases.migrate(settings)
    built = services.build(settings)
    yield built
    built.close()


@pytest.fixture
def results(built: Services) -> ResultStore:
    assert built.results is not None
    return built.results


def begun(results: ResultStore, clip: Clip = CLIP, **mask: Any) -> Video:
    """Begin a video whose file is in the store."""
    video_id, file = uuid.uuid4(), clips.made(clip, stripes)
    results.objects.put(objects.source(video_id), file, "video/mp4")
    source = VideoSource(video_id, objects.source(video_id), "street.mp4", len(file), is_ours=True)
    return created(results, source, **mask)


def begun_in_pieces(results: ResultStore) -> Video:
    """Begin a video that was uploaded in two pieces."""
    video_id, file = uuid.uuid4(), clips.made(CLIP, stripes)
    keys = [objects.piece("admin", video_id, start) for start in (0, 5000)]
    for key, data in zip(keys, (file[:5000], file[5000:]), strict=True):
        results.objects.put(key, data, "video/mp4")
    source = VideoSource(video_id, objects.source(video_id), "street.mp4", len(file), is_ours=True, pieces=tuple(keys))
    return created(results, source)


def created(results: ResultStore, source: VideoSource, **mask: Any) -> Video:
    options = ResolvedVideoOptions(mask=ResolvedMaskOptions(**{"method": "pixelate", "doubtful": "leave"} | mask))
    with results.sessions() as session:
        return lifecycle.create(session, NewVideo(source, options))


def work(
    built: Services, results: ResultStore, detector: KnownFaces, at_most: int = sys.maxsize
) -> list[tuple[str, str]]:
    """Do all steps that there are, or some, one after the other; return kinds and outcomes."""
    status = WorkerStatus(model="fake", input_size=640, supports_landmarks=False)
    process = Runtime(built, detector, Heartbeat(built.engine, "worker.process", status))
    outcomes: list[tuple[str, str]] = []
    while len(outcomes) < at_most:
        with results.sessions() as session:
            lease = steps.take(session, "a task", made.LEASE_S)
        if lease is None:
            return outcomes
        outcomes.append((lease.kind.value, VideoWorker(process, results).work(lease)))
    return outcomes


def now(results: ResultStore, video: Video) -> Video:
    with results.sessions() as session:
        return lifecycle.get(session, video.id)


def lines(results: ResultStore, video: Video) -> list[dict[str, Any]]:
    return stored_lines(results, objects.tracks(video.id))


def hidden(results: ResultStore, video: Video) -> list[bool]:
    """Return of each frame whether the face is hidden."""
    key = now(results, video).result_key
    assert key is not None
    looks = VisibleFaces(BOX)
    return [not looks.seen(pixels) for _, pixels in clips.frames(results.objects.get(key))]


def test_video_is_masked(built: Services, results: ResultStore) -> None:
    video = begun(results)
    expected = [("probe", "ok"), ("detect", "ok"), ("link", "ok"), ("render", "ok"), ("join", "ok")]
    assert work(built, results, VisibleFaces(BOX)) == expected
    assert now(results, video).status == "completed"
    assert hidden(results, video) == [True] * CLIP.frames
    assert {face["track_id"] for line in lines(results, video) for face in line["faces"]} == {1}


def test_video_is_made_of_its_pieces(built: Services, results: ResultStore) -> None:
    video = begun_in_pieces(results)
    pieces = {found.key for found in results.objects.list(objects.UPLOADS)}
    with results.sessions() as session:
        dead = steps.take(session, "a task", made.LEASE_S)
        assert dead is not None
        # It dies when all of the file is there, and nobody knows.
        uploads.assemble(results.objects, dead.source_key, dead.pieces, dead.size_bytes)
        made.run_out(session)
        reaping.reap_expired_leases(session)
        made.ready(session)
    kinds = [kind for kind, _ in work(built, results, VisibleFaces(BOX))]
    assert kinds == ["probe", "probe", "detect", "link", "render", "join"]
    assert hidden(results, video) == [True] * CLIP.frames
    with results.sessions() as session:
        assert pieces <= made.cleanup_keys(session)
        assert objects.source(video.id) not in made.cleanup_keys(session)


def test_pieces_that_are_gone_fail_the_video(built: Services, results: ResultStore) -> None:
    video = begun_in_pieces(results)
    results.objects.delete(objects.piece("admin", video.id, 5000))
    assert work(built, results, VisibleFaces(BOX)) == [("probe", "not_found")]
    assert not list(results.objects.list(f"videos/{video.id}/"))


def test_file_of_a_video_that_was_deleted_meanwhile_is_registered(built: Services, results: ResultStore) -> None:
    video = begun_in_pieces(results)
    with results.sessions() as session:
        lease = steps.take(session, "a task", made.LEASE_S)
        assert lease is not None
        keys = lifecycle.remove(session, video.id)
        assert {*lease.pieces, lease.source_key} <= set(keys)
        cleanups.done(session, keys)
        session.commit()
        assert not steps.complete(session, lease, StepResult(keys=[lease.source_key]))
        assert made.cleanup_keys(session) == {lease.source_key}


def test_what_an_older_worker_found_is_masked(built: Services, results: ResultStore) -> None:
    """Workers that did not measure motion, and stored each segment as one value, may be replaced meanwhile."""
    video = begun(results)
    assert work(built, results, VisibleFaces(BOX), at_most=2)[-1] == ("detect", "ok")
    found = stored_lines(results, objects.faces(video.id, 0))
    pictures = b"".join(base64.b64decode(thumbnail) for _, thumbnail, _ in found)
    older = {"frames": [faces for faces, _, _ in found], "thumbnails": base64.b64encode(pictures).decode()}
    store_older(results, objects.faces(video.id, 0), older)
    assert work(built, results, VisibleFaces(BOX), at_most=1) == [("link", "ok")]
    store_older(results, objects.masks(video.id, 0), stored_lines(results, objects.masks(video.id, 0)))
    assert work(built, results, VisibleFaces(BOX))[-1] == ("join", "ok")
    assert hidden(results, video) == [True] * CLIP.frames


def stored_lines(results: ResultStore, key: str) -> list[Any]:
    return [json.loads(line) for line in gzip.decompress(results.objects.get(key)).splitlines()]


def store_older(results: ResultStore, key: str, value: Any) -> None:
    text = json.dumps(value, separators=(",", ":"))
    results.objects.put(key, gzip.compress(text.encode()), JSON_TYPE)


class Crowd(KnownFaces):
    """Remembers nothing of what it is asked."""

    def seen(self, pixels: Pixels) -> list[Face]:
        self.asked.clear()
        self.shapes.clear()
        return super().seen(pixels)


def peaks(built: Services, results: ResultStore, frames: int) -> dict[str, int]:
    """Return the most bytes that each step holds of a crowd that is in one segment of so many frames."""
    begun(results, replace(CLIP, frames=frames, key_every=frames), verify=False, method="solid")
    crowd = Crowd(*[BOX] * CROWD, confidences=[0.9] * CROWD)
    held: dict[str, int] = {}
    tracemalloc.start()
    while done := work(built, results, crowd, at_most=1):
        held[done[0][0]] = tracemalloc.get_traced_memory()[1]
        assert done[0][1] == "ok"
        tracemalloc.reset_peak()
    tracemalloc.stop()
    return held


def test_steps_hold_nothing_of_each_frame(
    built: Services, results: ResultStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A video with a single key frame is a single segment, however long it is."""
    monkeypatch.setattr(sampling, "MOST_S", 0)  # every frame is searched, though nothing moves
    peaks(built, results, 5)  # what is made once is there
    short, long = peaks(built, results, 40), peaks(built, results, 100)
    for kind in ("detect", "render"):
        assert (long[kind] - short[kind]) / (60 * CROWD) < 5, f"bytes of {kind} for each face"


def test_missed_face_is_masked_around_where_it_is_found(built: Services, results: ResultStore) -> None:
    video = begun(results)
    work(built, results, LateFaces(BOX, looks=SEARCHED))
    assert now(results, video).status == "completed", now(results, video).error_detail
    assert hidden(results, video) == [True] * CLIP.frames
    found = [(line["frame"], face["track_id"]) for line in lines(results, video) for face in line["faces"]]
    assert found == [(frame, None) for frame in (0, 12, 24, 29)]


def test_face_that_stays_fails_the_video(built: Services, results: ResultStore) -> None:
    video = begun(results)
    outcomes = work(built, results, KnownFaces(BOX))
    assert outcomes[-1] == ("render", "residual_face")
    found = now(results, video)
    assert (found.status, found.error_code, found.result_key) == ("failed", "residual_face", None)
    assert not [one.key for one in results.objects.list(f"videos/{video.id}/result")]


def test_unverified_video_is_not_searched_again(built: Services, results: ResultStore) -> None:
    video = begun(results, verify=False)
    detector = VisibleFaces(BOX)
    work(built, results, detector)
    assert now(results, video).status == "completed"
    assert len(detector.asked) == SEARCHED


def test_last_rendering_is_black(built: Services, results: ResultStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A face that a stronger mask leaves is hidden in black."""
    video = begun(results)

    class Stubborn(KnownFaces):
        """Finds its face in all that is not black."""

        def seen(self, pixels: Pixels) -> list[Face]:
            left, top, right, bottom = (int(edge) for edge in BOX)
            return super().seen(pixels) if pixels[top:bottom, left:right].max() else []

    work(built, results, Stubborn(BOX))
    found = now(results, video)
    assert found.status == "completed", found.error_detail
    assert found.result_key is not None
    left, top, right, bottom = (int(edge) for edge in BOX)
    for _, pixels in clips.frames(results.objects.get(found.result_key)):
        assert pixels[top:bottom, left:right].mean() < 25


def test_store_that_is_down_puts_a_step_off(
    built: Services, results: ResultStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = begun(results)
    with monkeypatch.context() as patch:
        patch.setattr(FolderStore, "put_from", _refuse)
        assert work(built, results, VisibleFaces(BOX))[-1] == ("detect", "storage_unavailable")
    assert now(results, video).status == "detecting"
    with results.sessions() as session:
        made.ready(session)
    assert work(built, results, VisibleFaces(BOX))[-1] == ("join", "ok")
    assert hidden(results, video) == [True] * CLIP.frames


class SlowFaces(VisibleFaces):
    """Takes its time for each look, and those beside calls until a call has had its turn.

    looking: whether it does; turns: given while it did.
    """

    looking, turns = False, 0

    def seen(self, pixels: Pixels) -> list[Face]:
        before, self.looking = self.turns, True
        beside = threading.current_thread() is not threading.main_thread()
        deadline = time.monotonic() + (PATIENCE_S if beside else turns.LONG_S)
        while time.monotonic() < deadline and not (beside and self.turns > before):
            time.sleep(0.02)
        self.looking = False
        return super().seen(pixels)


def test_calls_are_answered_beside_a_long_search(
    built: Services, results: ResultStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = SlowFaces(BOX)

    def give(_: EngineClient) -> None:
        detector.turns += detector.looking

    monkeypatch.setattr(EngineClient, "next_waiting_call", give)
    video = begun(results)
    work(built, results, detector)
    assert now(results, video).status == "completed"
    assert detector.turns >= SEARCHED, "each search but the first of a segment"


def _refuse(*_: object) -> None:
    raise StorageUnavailable


def test_defect_fails_the_video(built: Services, results: ResultStore, monkeypatch: pytest.MonkeyPatch) -> None:
    video = begun(results)
    monkeypatch.setattr(rendering, "_cover", None)
    assert work(built, results, VisibleFaces(BOX))[-1] == ("render", "internal_error")
    assert now(results, video).error_detail == "Something went wrong inside the service"


def test_deleted_source_fails_the_video(built: Services, results: ResultStore) -> None:
    video = begun(results)
    results.objects.delete(objects.source(video.id))
    assert work(built, results, VisibleFaces(BOX)) == [("probe", "not_found")]


def _stay(built: Services, limit_s: float) -> None:
    assert built.sessions is not None
    Turns(built.engine, LeaseKeeper(built.sessions, 60), limit_s).end_if_stuck()


def test_stuck_process_ends_itself(built: Services) -> None:
    fork = multiprocessing.get_context("fork")
    for limit_s, status in ((-1.0, -signal.SIGKILL), (60.0, 0)):
        process = fork.Process(target=_stay, args=(built, limit_s))
        process.start()
        process.join(120)
        assert process.exitcode == status


def test_every_kind_of_step_is_done() -> None:
    assert set(StepKind) == {*steps.NEXT, StepKind.JOIN}
