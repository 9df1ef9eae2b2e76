"""What the service has stored: images, the jobs that were done with them, and how many there are."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypedDict

from face_api_client.batches import JobType

JobStatus = Literal["queued", "running", "completed", "failed"]
ReviewState = Literal["pending", "done"]
JobOrder = Literal[
    "newest",
    "oldest",
    "most_faces",
    "fewest_faces",
    "longest_inference",
    "shortest_inference",
    "longest_total",
    "shortest_total",
]


class ImageFilter(TypedDict, total=False):
    """Which images: those that match every value. name: a part of it; faces, review_state: of the newest job."""

    name: str
    batch_id: str
    min_faces: int
    max_faces: int
    review_state: ReviewState
    created_after: datetime
    created_before: datetime


class JobFilter(TypedDict, total=False):
    """Which jobs: those that match every value; by faces or by time, only those that have such a number."""

    job_type: JobType
    method: Literal["gaussian", "pixelate", "solid", "elliptical"]
    status: JobStatus
    batch_id: str
    created_after: datetime
    created_before: datetime
    order: JobOrder


@dataclass(frozen=True, slots=True)
class StoredImage:
    """An image. Its links work for a while; processed_url: of the newest result."""

    id: str
    filename: str
    content_type: str
    size_bytes: int
    width: int
    height: int
    original_url: str | None
    processed_url: str | None
    job_count: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Job:
    """What was done to an image. What only a mask has is None for a detection."""

    id: str
    image_id: str
    batch_id: str | None
    api_key_id: str | None
    job_type: JobType
    status: JobStatus
    method: str | None
    strength: int | None
    padding: float | None
    output_format: str | None
    output_quality: int | None
    confidence_threshold: float
    nms_threshold: float
    face_count: int | None
    inference_ms: float | None
    total_ms: float | None
    processed_url: str | None
    processed_size_bytes: int | None
    error: str | None
    created_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class ImageDetail(StoredImage):
    """An image with its jobs, newest first."""

    jobs: tuple[Job, ...]


@dataclass(frozen=True, slots=True)
class JobDetail(Job):
    """A job with its image. detections: the faces, as detect has them; report: what was done, in detail.

    edited_by: who masked the image by hand; uncovered_faces: how many were found and left visible.
    """

    image: StoredImage
    detections: tuple[dict[str, Any], ...] | None
    report: dict[str, Any] | None
    review_state: ReviewState | None
    edited_by: str | None
    uncovered_faces: int | None


@dataclass(frozen=True, slots=True)
class Stats:
    """What was stored and done. storage_used_bytes: of originals and results."""

    total_images: int
    total_jobs: int
    total_faces_detected: int
    avg_inference_ms: float
    storage_used_bytes: int
    jobs_by_type: dict[str, int]
    jobs_by_method: dict[str, int]
