"""Rows of the records, made up: what a test doesn't name is like any other."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from core.database import tallies
from core.database.engine import SessionFactory
from core.database.models import ProcessingJob
from core.database.tallies import MEASURES
from core.database.upserts import table_of
from core.records import records
from core.records.records import EVERY_JOB, JobFilter
from core.records.rows import StoredImage, StoredJob

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
METHODS = ("gaussian", "pixelate", "solid", "elliptical")
STATUSES = ("queued", "running", "completed", "failed", "cancelled")


def image(**values: Any) -> StoredImage:
    image_id = uuid.uuid4()
    made: dict[str, Any] = {
        "id": image_id,
        "filename": "a.jpg",
        "content_type": "image/jpeg",
        "size_bytes": 1000,
        "width": 640,
    }
    made |= {"height": 480, "s3_key": f"originals/{image_id}/a.jpg", "created_at": NOON}
    return StoredImage(**made | values)


def detect_job(of: StoredImage, **values: Any) -> StoredJob:
    made: dict[str, Any] = {
        "id": uuid.uuid4(),
        "image_id": of.id,
        "job_type": "detect",
        "status": "completed",
        "face_count": 2,
    }
    made |= {"confidence_threshold": 0.5, "nms_threshold": 0.4, "inference_ms": 12.345, "total_ms": 20.0}
    return StoredJob(**made | {"created_at": of.created_at} | values)


def mask_job(of: StoredImage, **values: Any) -> StoredJob:
    job_id = uuid.uuid4()
    made: dict[str, Any] = {
        "id": job_id,
        "job_type": "mask",
        "blur_method": "gaussian",
        "blur_strength": 199,
        "padding": 0.15,
    }
    made |= {"output_format": "jpeg", "output_quality": 95, "processed_s3_key": f"processed/{of.id}/{job_id}.jpeg"}
    return detect_job(of, **made | {"processed_size_bytes": 500} | values)


def save_result(
    session: Session, image: StoredImage, job: StoredJob, detections: Any = None, report: Any = None
) -> None:
    """Save an image with one job."""
    records.insert_image(session, image)
    records.insert_job(session, job, detections, report)
    session.commit()


def add_jobs(sessions: SessionFactory, jobs: list[StoredJob]) -> None:
    """Keep jobs of images that are there."""
    with sessions.begin() as session:
        session.execute(table_of(ProcessingJob).insert(), [vars(job) for job in jobs])


def saved(sessions: SessionFactory, count: int, **values: Any) -> list[StoredImage]:
    """Keep images, each a minute older than the one before, with a mask job each."""
    made = [image(created_at=NOON - timedelta(minutes=number)) for number in range(count)]
    with sessions() as session:
        for one in made:
            save_result(session, one, mask_job(one, **values))
    return made


def counted(sessions: SessionFactory, wanted: JobFilter = EVERY_JOB) -> int:
    """Return how many jobs the tallies say there are."""
    with sessions() as session:
        return records.page_jobs(session, 1, 1, wanted).total


def measured(sessions: SessionFactory) -> dict[tuple[str, str, str], dict[str, int]]:
    """Return all that the tallies say, by table, job type and method."""
    with sessions() as session:
        rows = session.execute(tallies.totals())
        return {tuple(row[:3]): dict(zip(MEASURES, row[3:], strict=True)) for row in rows if any(row[3:])}


def fold(sessions: SessionFactory) -> int:
    with sessions() as session:
        return tallies.fold(session)
