"""The numbers for Prometheus: of two web processes and two of a worker, which are killed, against the tables."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
import requests
from sqlalchemy import func, select

from core.contract.states import StepKind
from core.database.models import ProcessingJob
from tests import clips
from tests.clips import Clip
from tests.conftest import StartService
from tests.integration import scrapes
from tests.integration.test_batches import admin, begin, finished, picture, upload
from tests.integration.test_engine import until
from tests.integration.test_heartbeats import PATIENT, slow_picture
from tests.processes import lives
from tests.stack import Stack

CALLS = "face_api_requests_total"
TASKS = "face_api_tasks_total"
FACES = "face_api_faces_total"
NO_PICTURE = b"no picture"


@pytest.fixture(scope="module")
def counted(start_service: StartService) -> Stack:
    """Return a service that serves its numbers."""
    return start_service(
        FACE_API_WORKER_PROCESSES="2",
        FACE_API_WEB_PROCESSES="2",
        FACE_API_METRICS_PORT=scrapes.free_ports(),
        **PATIENT,
    )


def call(service: Stack, path: str, file: bytes, key: str | None = None) -> int:
    headers = {"X-API-Key": service.key if key is None else key}
    return requests.post(f"{service.url}/api/v1/{path}", files={"image": file}, headers=headers, timeout=60).status_code


def jobs(service: Stack) -> dict[str, tuple[int, int]]:
    """Return how many jobs were completed and how many faces they have, by type."""
    assert service.services.sessions is not None
    done = select(ProcessingJob.job_type, func.count(), func.sum(ProcessingJob.face_count))
    with service.services.sessions() as session:
        rows = session.execute(done.where(ProcessingJob.status == "completed").group_by(ProcessingJob.job_type))
        return {kind: (count, faces or 0) for kind, count, faces in rows}


def web_processes(service: Stack) -> list[psutil.Process]:
    return list(psutil.Process(service.processes["serve"].pid).children())


def _tasks(service: Stack) -> float:
    """How many tasks are counted: a worker answers first, and a busy machine may let the caller have its turn then."""
    return scrapes.numbers(service, "worker").sum(TASKS)


def test_counters_equal_the_tables(counted: Stack) -> None:
    """A scripted series of calls and a batch."""
    with ThreadPoolExecutor(6) as callers:
        series: list[Callable[[int], int]] = [
            lambda shade: call(counted, "mask", picture(shade)),
            lambda shade: call(counted, "detect", picture(shade)),
            lambda _: call(counted, "mask", NO_PICTURE),
            lambda shade: call(counted, "detect", picture(shade), key="unknown"),
        ]
        statuses = [list(callers.map(one, range(number))) for one, number in zip(series, (9, 7, 5, 3), strict=True)]
    assert statuses == [[200] * 9, [200] * 7, [415] * 5, [401] * 3]
    batch = begin(counted)
    upload(counted, batch, *((f"{shade}.jpg", picture(shade)) for shade in range(6)), ("cut.jpg", picture()[:20000]))
    assert finished(counted, batch)["counts"]["failed"] == 1

    until(lambda: _tasks(counted) >= 9 + 7 + 7)
    web, worker = scrapes.numbers(counted, "web"), scrapes.numbers(counted, "worker")
    by_type = jobs(counted)
    for route, scope, expected in (
        ("/api/v1/mask", "mask", {"200": 9, "415": 5}),
        ("/api/v1/detect", "detect", {"200": 7, "401": 3}),
        ("/api/v1/admin/batches/<batch_id>/images", "batch", {"202": 1}),
    ):
        for status, number in expected.items():
            assert web.sum(CALLS, route=route, method="POST", scope=scope, status=status) == number
        assert web.sum("face_api_request_duration_seconds_count", route=route) == sum(expected.values())
    assert web.sum("face_api_errors_total", code="unsupported_image") == 5
    assert web.sum("face_api_step_duration_seconds_count", step="store") == 16

    assert by_type["mask"][0] == worker.sum(TASKS, task="mask", outcome="ok") + 6 == 15
    assert by_type["detect"][0] == worker.sum(TASKS, task="detect", outcome="ok") == 7
    assert worker.sum(TASKS, task="batch", outcome="ok") == 6
    assert worker.sum(TASKS, task="batch", outcome="undecodable_image") == 1
    assert sum(faces for _, faces in by_type.values()) == sum(
        worker.sum(FACES, kind=kind) for kind in ("sure", "doubtful")
    )
    assert worker.sum("face_api_queue_wait_seconds_count") == 16
    for step, number in {"decode": 22, "infer": 22, "mask": 15, "verify": 15, "encode": 15, "store": 6}.items():
        assert worker.sum("face_api_step_duration_seconds_count", step=step) == number, step
    assert worker.values("face_api_model_info", "model") == {counted.model}


def test_several_processes_counted(counted: Stack) -> None:
    """Each has worked, so it is their sum that is told."""
    assert len(counted.worker_processes()) == len(web_processes(counted)) == 2


def test_killed_processes_lose_and_double_nothing(counted: Stack) -> None:
    def totals() -> tuple[float, float, float]:
        web, worker = scrapes.numbers(counted, "web"), scrapes.numbers(counted, "worker")
        return web.sum(CALLS, route="/api/v1/mask"), worker.sum(TASKS, task="mask"), worker.sum(FACES)

    before = totals()
    for _ in range(2):
        old, living = counted.worker_processes() + web_processes(counted), counted.living_processes()
        for process in old:
            process.kill()
        until(
            lambda gone=old: len(counted.worker_processes() + web_processes(counted)) == 4 and not any(map(lives, gone))
        )
        assert totals() == before
        until(lambda gone=living: len(counted.living_processes() - gone) == 2)
        counted.wait_until_ready()
        tasks = _tasks(counted)
        assert call(counted, "mask", picture()) == 200
        until(lambda tasks=tasks: _tasks(counted) > tasks)
        after = totals()
        assert (after[0] - before[0], after[1] - before[1]) == (1, 1)
        assert after[2] > before[2]
        before = after


def test_item_of_a_killed_process_is_counted_as_lost(counted: Stack) -> None:
    def lost() -> tuple[float, float]:
        worker = scrapes.numbers(counted, "worker")
        return worker.sum("face_api_lost_tasks_total", task="batch"), worker.sum("face_api_lease_expiries_total")

    before = lost()
    batch = begin(counted)
    upload(counted, batch, ("slow.jpg", slow_picture()))
    until(lambda: admin(counted, "GET", f"/{batch}")["counts"]["running"])
    for process in counted.worker_processes():
        process.kill()
    until(lambda: lost()[1] == before[1] + 1)
    assert lost()[0] > before[0]  # each of the processes may have been looking for items
    assert finished(counted, batch)["counts"]["completed"] == 1


def test_steps_of_a_video_are_counted(counted: Stack) -> None:
    before = scrapes.numbers(counted, "worker")
    file = clips.made(Clip(frames=12))
    videos, own = f"{counted.url}/api/v1/videos", ("admin", counted.settings["FACE_API_ADMIN_PASSWORD"])
    options = {"detail": "fast"}
    sent = requests.post(videos, files={"video": ("a.mp4", file)}, params=options, auth=own, timeout=60)
    video = f"{videos}/{sent.json()['id']}"
    until(lambda: requests.get(video, auth=own, timeout=60).json()["status"] == "completed")

    def more(name: str, **labels: str) -> float:
        return scrapes.numbers(counted, "worker").sum(name, **labels) - before.sum(name, **labels)

    counted_last = "face_api_video_step_wait_seconds_count"
    until(lambda: all(more(counted_last, kind=kind) == 1 for kind in StepKind))
    for kind in StepKind:
        assert more("face_api_video_steps_total", kind=kind, outcome="ok") == 1
        assert more("face_api_video_step_duration_seconds_count", kind=kind) == 1
    assert {kind: more("face_api_video_frames_total", kind=kind) for kind in ("detect", "render", "link")} == {
        "detect": 12,
        "render": 12,
        "link": 0,
    }


@pytest.mark.usefixtures("embedded_tiers")
def test_results_that_were_not_kept_are_counted(counted: Stack) -> None:
    def unkept() -> float:
        return scrapes.numbers(counted, "web").sum("face_api_unkept_results_total", cause="storage")

    folder, before = counted.own_settings().var_dir / "objects", unkept()
    folder.rename(folder.with_name("elsewhere"))
    folder.write_text("no folder")
    try:
        assert call(counted, "mask", picture()) == 200
    finally:
        folder.unlink()
        folder.with_name("elsewhere").rename(folder)
    assert unkept() == before + 1


def test_labels_have_few_values(counted: Stack) -> None:
    """Whatever callers make up: paths, methods, statuses, names."""

    def made_up(number: int) -> None:
        path = f"/api/v1/{'made' * (number % 3)}-{number}/{number}"
        requests.request(f"MADEUP{number}", counted.url + path, timeout=60)
        requests.get(f"{counted.url}/api/v1/admin/images/{number}", auth=("admin", "correct horse"), timeout=60)
        requests.get(f"{counted.url}/objects/made/up/{number}.jpg?name={number}", timeout=60)
        requests.post(f"{counted.url}/api/v1/mask?word{number}=1", headers={"X-API-Key": counted.key}, timeout=60)

    made_up(0)
    scrape = scrapes.numbers(counted, "web")
    before = len(scrape.samples)
    with ThreadPoolExecutor(8) as callers:
        list(callers.map(made_up, range(1, 150)))
    scrape = scrapes.numbers(counted, "web")
    assert len(scrape.samples) <= before + 2  # a race of the first call's may show another status
    assert scrape.sum(CALLS, route="unknown", method="other", status="404") >= 150
