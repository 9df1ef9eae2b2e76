"""The tables of batches."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, UniqueConstraint, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from core.contract.states import BatchStatus, ItemState, JobType
from core.database.base import Base, JsonDocument, UtcDateTime, one_of
from core.database.clock import database_time, now

UNFINISHED = text("finished_at IS NULL")
HIDDEN = text("deleted_at IS NOT NULL")
OF_KEY = text("api_key_id IS NOT NULL")
WAITING = text("finished_at IS NULL AND queued > 0")
QUEUED = text(f"state = '{ItemState.QUEUED}'")
RUNNING = text(f"state = '{ItemState.RUNNING}'")
FINISHED = text("finished_at IS NOT NULL")


class Batch(Base):
    """Many pictures, processed with the same options.

    The counts are changed in the transaction that changes the state of an item, so they are right at any moment; who
    changes both locks the item first. total: how many items there have ever been, so the position of the next.
    options: those of detect or mask, every one resolved. prefix: where in the bucket the pictures are, else null;
    imported_at: when all of them had become items; import_until: when the lease of a running import expires.
    served_at: when a worker last took an item of it. deleted_at: since when it is being deleted, and is shown nowhere.
    api_key_id: of the key that created it, whether that is still there or not.
    """

    __tablename__ = "batches"
    __table_args__ = (
        one_of("job_type", JobType),
        one_of("status", BatchStatus),
        Index(None, "created_at", "id"),
        Index(None, "status", "created_at", "id"),
        Index(None, "api_key_id", "created_at", "id", postgresql_where=OF_KEY, sqlite_where=OF_KEY),
        # Those that workers and maintenance query; the others are many more.
        Index("ix_batches_unfinished", "id", postgresql_where=UNFINISHED, sqlite_where=UNFINISHED),
        Index("ix_batches_deleted", "id", postgresql_where=HIDDEN, sqlite_where=HIDDEN),
        # In the order in which those of one key take turns.
        Index("ix_batches_turns", "api_key_id", "served_at", "id", postgresql_where=WAITING, sqlite_where=WAITING),
    )

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True, default=uuid.uuid4)
    name: Mapped[str] = mapped_column(String(255))
    idempotency_key: Mapped[str | None] = mapped_column(String(255), unique=True)
    api_key_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    job_type: Mapped[str] = mapped_column(String(16))
    options: Mapped[Any] = mapped_column(JsonDocument)
    status: Mapped[str] = mapped_column(String(16))
    webhook_url: Mapped[str | None] = mapped_column(String(2000))
    prefix: Mapped[str | None] = mapped_column(String(1024))
    total: Mapped[int] = mapped_column(BigInteger, default=0)
    queued: Mapped[int] = mapped_column(BigInteger, default=0)
    running: Mapped[int] = mapped_column(BigInteger, default=0)
    completed: Mapped[int] = mapped_column(BigInteger, default=0)
    failed: Mapped[int] = mapped_column(BigInteger, default=0)
    cancelled: Mapped[int] = mapped_column(BigInteger, default=0)
    refused: Mapped[int] = mapped_column(BigInteger, default=0)
    deleted: Mapped[int] = mapped_column(BigInteger, default=0)
    faces: Mapped[int] = mapped_column(BigInteger, default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    served_at: Mapped[datetime] = mapped_column(UtcDateTime, default=database_time())
    imported_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    import_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class BatchItem(Base):
    """One picture of a batch, and its state.

    position: counted from 1 in its batch, without gaps. name: null once it is deleted. digest, result_digest: SHA-256
    of the upload and of the masked picture, in hexadecimal. source_key: the object that it is copied from when its
    turn comes; null for an upload. attempts: how often a worker took it; lost_leases: how many of those leases
    expired. lease: a new value each time; leased_by: the task that holds it. available_at: it is not taken before.
    corrected_at: when a person masked it again, whose result it has since.
    """

    __tablename__ = "batch_items"
    __table_args__ = (
        one_of("state", ItemState),
        UniqueConstraint("batch_id", "name"),
        UniqueConstraint("batch_id", "position"),
        Index(None, "batch_id", "state", "position"),
        Index(None, "batch_id", "finished_at", postgresql_where=FINISHED, sqlite_where=FINISHED),
        Index("ix_batch_items_queue", "batch_id", "position", postgresql_where=QUEUED, sqlite_where=QUEUED),
        Index("ix_batch_items_leases", "lease_until", postgresql_where=RUNNING, sqlite_where=RUNNING),
    )

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True, default=uuid.uuid4)
    batch_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("batches.id", ondelete="CASCADE"))
    position: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str | None] = mapped_column(String(1024))
    source_key: Mapped[str | None] = mapped_column(String(1024))
    digest: Mapped[str | None] = mapped_column(String(64))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(16))
    attempts: Mapped[int] = mapped_column(default=0)
    lost_leases: Mapped[int] = mapped_column("deaths", key="lost_leases", default=0)  # the column's old name
    lease: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    leased_by: Mapped[str | None] = mapped_column(String(64))
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    available_at: Mapped[datetime] = mapped_column(UtcDateTime, default=database_time())
    # An index each: without one, deleting an image would look through all items.
    image_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("images.id", ondelete="SET NULL"), index=True)
    job_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("processing_jobs.id", ondelete="SET NULL"), index=True)
    face_count: Mapped[int | None]
    result_digest: Mapped[str | None] = mapped_column(String(64))
    error_code: Mapped[str | None] = mapped_column(String(50))
    error_detail: Mapped[str | None] = mapped_column(Text)
    corrected_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
