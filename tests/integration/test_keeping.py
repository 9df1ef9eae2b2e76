"""What a call leaves behind: an image, a job, their objects; and nothing when it fails or when nothing is kept."""

import uuid

import cv2
import numpy as np
import psutil
import pytest
import requests
import skimage.data
from sqlalchemy import select

from core import services
from core.config import Settings
from core.database import engine
from core.database.models import Image, ProcessingJob
from core.records import records
from core.storage import objects
from core.storage.base import ObjectStore
from tests.conftest import StartService
from tests.stack import Stack


@pytest.fixture(scope="module")
def keeping(start_service: StartService) -> Stack:
    """Return a service whose rows and objects belong to this module alone."""
    return start_service(programs=("serve", "worker"))


def portrait() -> bytes:
    pixels = cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", pixels)[1].tobytes()


def call(service: Stack, path: str, picture: bytes, name: str = "a.jpg", **params: str) -> requests.Response:
    return requests.post(
        f"{service.url}/api/v1/{path}",
        params=params,
        files={"image": (name, picture)},
        headers={"X-API-Key": service.key},
        timeout=60,
    )


def store(settings: Settings) -> ObjectStore:
    built = services.object_store(settings)
    assert built is not None
    return built


def counts(settings: Settings) -> tuple[int, int, int]:
    """Count images, jobs and objects."""
    with engine.session_factory(settings)() as session:
        images, jobs = (len(session.scalars(select(table.id)).all()) for table in (Image, ProcessingJob))
    return images, jobs, len(list(store(settings).list()))


def test_mask_keeps_both_pictures(keeping: Stack) -> None:
    settings, picture = keeping.own_settings(), portrait()
    answer = call(keeping, "mask", picture, "Grüße/..\\x.jpg", method="pixelate", format="png", strength="40")
    with engine.session_factory(settings)() as session:
        detail = records.get_job(session, uuid.UUID(answer.headers["X-Job-Id"]))
    job, image = detail.job, detail.image
    assert str(image.id) == answer.headers["X-Image-Id"]
    assert (image.width, image.height, image.size_bytes) == (512, 512, len(picture))
    assert (image.content_type, "/" in image.filename) == ("image/jpeg", False)
    assert (job.job_type, job.status, job.blur_method, job.blur_strength) == ("mask", "completed", "pixelate", 40)
    assert (job.output_format, job.face_count, job.processed_size_bytes) == ("png", 1, len(answer.content))
    assert job.processed_s3_key == objects.processed_key(image.id, job.id, "png")
    assert store(settings).get(image.s3_key) == picture
    assert store(settings).get(job.processed_s3_key) == answer.content
    assert detail.detections[0]["bbox"].keys() == {"x1", "y1", "x2", "y2"}


def test_detect_keeps_original_and_findings(keeping: Stack) -> None:
    settings = keeping.own_settings()
    body = call(keeping, "detect", portrait()).json()
    with engine.session_factory(settings)() as session:
        detail = records.get_job(session, uuid.UUID(body["job_id"]))
    assert (detail.job.job_type, detail.job.blur_method, detail.job.processed_s3_key) == ("detect", None, None)
    assert detail.detections == body["detections"]
    assert body["profiling"]["storage_ms"] >= 0


def test_refused_picture_leaves_nothing(keeping: Stack) -> None:
    settings = keeping.own_settings()
    before = counts(settings)
    assert call(keeping, "mask", portrait()[:-5000]).status_code == 422
    keeping.until(lambda: counts(settings) == before)


@pytest.mark.usefixtures("embedded_tiers")
def test_failing_store_fails_no_call(keeping: Stack) -> None:
    settings = keeping.own_settings()
    before = counts(settings)
    folder = settings.var_dir / "objects"
    folder.rename(folder.with_name("elsewhere"))
    folder.write_text("no folder")
    try:
        answer = call(keeping, "detect", portrait())
    finally:
        folder.unlink()
        folder.with_name("elsewhere").rename(folder)
    assert answer.status_code == 200
    assert (answer.json()["image_id"], answer.json()["job_id"]) == (None, None)
    assert "result_not_stored" in keeping.log("serve")
    assert counts(settings) == before


def test_failing_database_leaves_no_objects(keeping: Stack) -> None:
    settings = keeping.own_settings()
    before = counts(settings)
    with engine.create(settings).begin() as connection:
        connection.exec_driver_sql("ALTER TABLE processing_jobs RENAME TO gone")
    try:
        answer = call(keeping, "mask", portrait())
    finally:
        with engine.create(settings).begin() as connection:
            connection.exec_driver_sql("ALTER TABLE gone RENAME TO processing_jobs")
    assert answer.headers["X-Face-Count"] == "1"
    assert "X-Image-Id" not in answer.headers
    keeping.until(lambda: counts(settings) == before)


def written_bytes(service: Stack) -> int:
    """Sum what every process of the service has ever sent to a disk, also what was deleted since."""
    processes = [psutil.Process(process.pid) for process in service.processes.values()]
    everyone = {one for process in processes for one in [process, *process.children(recursive=True)]}
    return sum(one.io_counters().write_bytes for one in everyone)


def test_storage_off_touches_no_disk(start_service: StartService) -> None:
    service = start_service(FACE_API_STORAGE_ENABLED="false")
    noise = np.random.default_rng(1).integers(0, 256, (900, 900, 3), np.uint8)
    picture = cv2.imencode(".bmp", noise)[1].tobytes()
    call(service, "mask", picture)  # what a first call imports may be compiled and written
    before = written_bytes(service)
    for path in ("mask", "detect"):
        assert "X-Image-Id" not in call(service, path, picture, "holiday.bmp").headers
    # Log lines and the database's own, but far from one picture.
    assert written_bytes(service) - before < len(picture) / 10
    files = [path.read_bytes() for path in service.folder.rglob("*") if path.is_file()]
    assert not any(noise[0].tobytes() in data or b"holiday" in data for data in files)
