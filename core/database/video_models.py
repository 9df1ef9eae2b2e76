"""The tables of videos."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, UniqueConstraint, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from core.contract.states import StepKind, StepState, VideoStatus
from core.database.base import Base, JsonDocument, UtcDateTime, one_of
from core.database.clock import database_time, now

UNFINISHED = text("finished_at IS NULL")
QUEUED = text(f"state = '{StepState.QUEUED}'")
RUNNING = text(f"state = '{StepState.RUNNING}'")


class Video(Base):
    """A video whose faces are masked, step by step.

    api_key_id: whose it is; null: the administrator's. source_key: the object that it is read from; source_is_ours:
    whether that was uploaded, and is deleted with it. options: of the mask and of the file, every one resolved.
    width … frames_total: known once it was probed. segments: how many there are; steps_left: how many steps of the
    present kind are not completed. dropped: what of the file is not in the result, by name. served_at: when a worker
    last took a step of it.
    """

    __tablename__ = "videos"
    __table_args__ = (
        one_of("status", VideoStatus),
        Index(None, "created_at", "id"),
        Index(None, "api_key_id", "created_at", "id"),
        Index("ix_videos_unfinished", "served_at", "id", postgresql_where=UNFINISHED, sqlite_where=UNFINISHED),
    )

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True, default=uuid.uuid4)
    api_key_id: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    filename: Mapped[str] = mapped_column(String(255))
    source_key: Mapped[str] = mapped_column(String(1024))
    source_is_ours: Mapped[bool]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    options: Mapped[Any] = mapped_column(JsonDocument)
    status: Mapped[str] = mapped_column(String(16))
    webhook_url: Mapped[str | None] = mapped_column(String(2000))
    width: Mapped[int | None]
    height: Mapped[int | None]
    fps: Mapped[float | None]
    duration_s: Mapped[float | None]
    codec: Mapped[str | None] = mapped_column(String(50))
    frames_total: Mapped[int | None] = mapped_column(BigInteger)
    dropped: Mapped[Any] = mapped_column(JsonDocument, nullable=True)
    segments: Mapped[int] = mapped_column(default=0)
    steps_left: Mapped[int] = mapped_column(default=1)
    faces_tracked: Mapped[int | None]
    interpolated_share: Mapped[float | None]
    result_key: Mapped[str | None] = mapped_column(String(500))
    result_size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    error_code: Mapped[str | None] = mapped_column(String(50))
    error_detail: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    served_at: Mapped[datetime] = mapped_column(UtcDateTime, default=database_time())
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class VideoStep(Base):
    """One step of a video's way, and its state; its lease is as that of a batch's item.

    position: of the segment, counted from 0; segment: which frames it has, as the worker has planned it. frames_done:
    how many of its frames have been worked on in the present attempt.
    """

    __tablename__ = "video_steps"
    __table_args__ = (
        one_of("kind", StepKind),
        one_of("state", StepState),
        UniqueConstraint("video_id", "kind", "position"),
        Index("ix_video_steps_queue", "video_id", "position", postgresql_where=QUEUED, sqlite_where=QUEUED),
        Index("ix_video_steps_leases", "lease_until", postgresql_where=RUNNING, sqlite_where=RUNNING),
    )

    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True, default=uuid.uuid4)
    video_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("videos.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(16))
    position: Mapped[int]
    segment: Mapped[Any] = mapped_column(JsonDocument, nullable=True)
    frames_done: Mapped[int] = mapped_column(BigInteger, default=0)
    state: Mapped[str] = mapped_column(String(16), default=StepState.QUEUED)
    attempts: Mapped[int] = mapped_column(default=0)
    lost_leases: Mapped[int] = mapped_column(default=0)
    lease: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    leased_by: Mapped[str | None] = mapped_column(String(64))
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    available_at: Mapped[datetime] = mapped_column(UtcDateTime, default=database_time())
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
