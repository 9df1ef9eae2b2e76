"""The tables."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, Text, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from core.contract.states import JobStatus, JobType, ReviewState
from core.database.admin_models import AdminAccount
from core.database.audit_models import AuditRecord
from core.database.base import Base, JsonDocument, Serial, UtcDateTime, one_of
from core.database.batch_models import OF_KEY, Batch, BatchItem
from core.database.clock import now
from core.database.key_models import ApiKey
from core.database.turn_models import KeyTurn
from core.database.video_models import Video, VideoStep
from core.database.webhook_models import WebhookDelivery

__all__ = [
    "ANY_BATCH",
    "IN_BATCH",
    "JOB_FILTERS",
    "JOB_MEASURES",
    "PENDING",
    "AdminAccount",
    "ApiKey",
    "AuditRecord",
    "Base",
    "Batch",
    "BatchItem",
    "CleanupTask",
    "Image",
    "KeyTurn",
    "Measures",
    "ProcessingJob",
    "Tally",
    "TallyChange",
    "UtcDateTime",
    "Video",
    "VideoStep",
    "WebhookDelivery",
    "now",
]

# The batch_id of tallies of all jobs, in batches or not: a key that may be null can't be unique.
ANY_BATCH = uuid.UUID(int=0)


# A method implies the type, so no query filters by both.
JOB_FILTERS = ((), ("job_type",), ("blur_method",), ("status",), ("job_type", "status"), ("blur_method", "status"))
# What jobs are sorted by beside the time; such a list is read, filtered and skipped in the measure's index alone.
JOB_MEASURES = ("face_count", "inference_ms", "total_ms")
ORDER_FILTERS = ("created_at", "job_type", "blur_method", "status")
IN_BATCH = text("batch_id IS NOT NULL")
REVIEWED = text("review_state IS NOT NULL")
PENDING = text(f"review_state = '{ReviewState.PENDING}'")
PENDING_IN_BATCH = text(f"batch_id IS NOT NULL AND review_state = '{ReviewState.PENDING}'")


class Image(Base):
    """A stored picture: its bytes are in the object store under `s3_key`.

    batch_id: of the batch that it came with; api_key_id: of the key that sent it, whether that is still there or not.
    face_count, review_state: of the newest of its jobs that counted faces. A
    trigger on the jobs keeps these three, so that lists can be searched by them.
    """

    __tablename__ = "images"
    __table_args__ = (
        Index(None, "created_at", "id"),
        # Searching for a name or a number of faces reads this index alone, in the order of the list.
        Index("ix_images_search", "created_at", "id", "face_count", "filename"),
        Index(None, "batch_id", "created_at", "id", postgresql_where=IN_BATCH, sqlite_where=IN_BATCH),
        Index(None, "review_state", "created_at", "id", postgresql_where=REVIEWED, sqlite_where=REVIEWED),
        Index(None, "api_key_id", "created_at", "id", postgresql_where=OF_KEY, sqlite_where=OF_KEY),
    )

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True, default=uuid.uuid4)
    filename: Mapped[str] = mapped_column(String(255))
    content_type: Mapped[str] = mapped_column(String(100))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    width: Mapped[int]
    height: Mapped[int]
    s3_key: Mapped[str] = mapped_column(String(500))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    batch_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    api_key_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    face_count: Mapped[int | None]
    review_state: Mapped[str | None] = mapped_column(String(16))


class ProcessingJob(Base):
    """One detection or masking of an image.

    Each list is read in the order of an index: there is one for every combination of filters, so that none has to
    look for its rows among others. Those for batches hold no job that is in none, that for reviews no job but those
    that wait for one. report: what was done, in detail (core/records/outcomes.py). edited_by: who masked it by hand;
    uncovered_faces: how many sure faces somebody has left visible, null where that is not known.
    api_key_id: of the caller, whether the key is still there or not.
    """

    __tablename__ = "processing_jobs"
    __table_args__ = (
        one_of("job_type", JobType),
        one_of("status", JobStatus),
        CheckConstraint(f"job_type = '{JobType.MASK}' OR blur_method IS NULL", name="mask_only"),
        one_of("review_state", ReviewState),
        *[Index(None, *filters, "created_at", "id") for filters in JOB_FILTERS],
        *[
            Index(None, "batch_id", *filters, "created_at", "id", postgresql_where=IN_BATCH, sqlite_where=IN_BATCH)
            for filters in JOB_FILTERS
        ],
        *[
            Index(
                f"ix_processing_jobs_by_{measure}",
                measure,
                "id",
                *ORDER_FILTERS,
                postgresql_where=text(f"{measure} IS NOT NULL"),
                sqlite_where=text(f"{measure} IS NOT NULL"),
            )
            for measure in JOB_MEASURES
        ],
        # Those without are few: what is left of the tallies' count without them are the others.
        *[
            Index(
                f"ix_processing_jobs_no_{measure}",
                *ORDER_FILTERS,
                postgresql_where=text(f"{measure} IS NULL"),
                sqlite_where=text(f"{measure} IS NULL"),
            )
            for measure in JOB_MEASURES
        ],
        Index(None, "image_id", "created_at", "id"),
        Index(None, "api_key_id", "created_at", "id", postgresql_where=OF_KEY, sqlite_where=OF_KEY),
        Index(
            "ix_processing_jobs_review_created_at_id",
            "created_at",
            "id",
            postgresql_where=PENDING,
            sqlite_where=PENDING,
        ),
        Index(
            "ix_processing_jobs_review_batch_id_created_at_id",
            "batch_id",
            "created_at",
            "id",
            postgresql_where=PENDING_IN_BATCH,
            sqlite_where=PENDING_IN_BATCH,
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True, default=uuid.uuid4)
    image_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("images.id", ondelete="CASCADE"))
    batch_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    api_key_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    job_type: Mapped[str] = mapped_column(String(16))
    status: Mapped[str] = mapped_column(String(16))
    confidence_threshold: Mapped[float]
    nms_threshold: Mapped[float]
    blur_method: Mapped[str | None] = mapped_column(String(16))
    blur_strength: Mapped[int | None]
    padding: Mapped[float | None]
    output_format: Mapped[str | None] = mapped_column(String(16))
    output_quality: Mapped[int | None]
    face_count: Mapped[int | None]
    detections: Mapped[Any] = mapped_column(JsonDocument, nullable=True)
    report: Mapped[Any] = mapped_column(JsonDocument, nullable=True)
    review_state: Mapped[str | None] = mapped_column(String(16))
    edited_by: Mapped[str | None] = mapped_column(Text)
    uncovered_faces: Mapped[int | None]
    processed_s3_key: Mapped[str | None] = mapped_column(String(500))
    processed_size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    inference_ms: Mapped[float | None]
    total_ms: Mapped[float | None]
    error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class CleanupTask(Base):
    """An object that no row names any more and that is due to be deleted from the store."""

    __tablename__ = "cleanup_tasks"

    id: Mapped[int] = mapped_column(Serial, primary_key=True)
    s3_key: Mapped[str] = mapped_column(String(500), unique=True)
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, index=True)
    last_error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class Measures:
    """What tallies add up. An image has its own size as bytes, a job that of its processed object.

    timed: how many have an `inference_ms`; inference_us: their sum, whole, so that it stays exact.
    """

    row_count: Mapped[int] = mapped_column(BigInteger)
    faces: Mapped[int] = mapped_column(BigInteger)
    timed: Mapped[int] = mapped_column(BigInteger)
    inference_us: Mapped[int] = mapped_column(BigInteger)
    bytes: Mapped[int] = mapped_column(BigInteger)


class TallyChange(Measures, Base):
    """What one statement added to or removed from the rows of an hour; only triggers write here."""

    __tablename__ = "tally_changes"

    id: Mapped[int] = mapped_column(Serial, primary_key=True)
    counted: Mapped[str] = mapped_column(String(16))
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime)
    batch_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    job_type: Mapped[str] = mapped_column(String(16))
    blur_method: Mapped[str] = mapped_column(String(16))
    status: Mapped[str] = mapped_column(String(16))


class Tally(Measures, Base):
    """The sum of the folded changes of one hour, and of one day; see core/database/tallies.py.

    counted: the table; span: `hour` or `day`; an empty text stands for null.
    """

    __tablename__ = "tallies"

    counted: Mapped[str] = mapped_column(String(16), primary_key=True)
    batch_id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True)
    span: Mapped[str] = mapped_column(String(4), primary_key=True)
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
    job_type: Mapped[str] = mapped_column(String(16), primary_key=True)
    blur_method: Mapped[str] = mapped_column(String(16), primary_key=True)
    status: Mapped[str] = mapped_column(String(16), primary_key=True)
