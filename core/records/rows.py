"""Rows of images and jobs as plain values: they outlive the session that read them."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from core.database.clock import now


@dataclass(frozen=True)
class StoredImage:
    """A row of `images`."""

    id: uuid.UUID
    filename: str
    content_type: str
    size_bytes: int
    width: int
    height: int
    s3_key: str
    created_at: datetime = field(default_factory=now)
    api_key_id: uuid.UUID | None = None


@dataclass(frozen=True)
class StoredJob:
    """A row of `processing_jobs` without the detections and the report, which can be large."""

    id: uuid.UUID
    image_id: uuid.UUID
    job_type: str
    status: str
    confidence_threshold: float
    nms_threshold: float
    batch_id: uuid.UUID | None = None
    blur_method: str | None = None
    blur_strength: int | None = None
    padding: float | None = None
    output_format: str | None = None
    output_quality: int | None = None
    face_count: int | None = None
    processed_s3_key: str | None = None
    processed_size_bytes: int | None = None
    inference_ms: float | None = None
    total_ms: float | None = None
    error: str | None = None
    created_at: datetime = field(default_factory=now)
    finished_at: datetime | None = None
    review_state: str | None = None
    edited_by: str | None = None
    uncovered_faces: int | None = None
    api_key_id: uuid.UUID | None = None


@dataclass(frozen=True)
class ImageSummary:
    """processed_s3_key, edited_by, uncovered_faces: of the newest job that has a processed picture."""

    image: StoredImage
    job_count: int
    processed_s3_key: str | None
    edited_by: str | None = None
    uncovered_faces: int | None = None


@dataclass(frozen=True)
class ImageDetail(ImageSummary):
    """jobs: newest first."""

    jobs: list[StoredJob] = field(default_factory=list)


@dataclass(frozen=True)
class JobDetail:
    """detections, report: as they were saved."""

    job: StoredJob
    image: StoredImage
    detections: Any
    report: Any = None
