"""Videos, as the service reports them."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from face_api_client.pictures import Box

VideoStatus = Literal["queued", "probing", "detecting", "linking", "rendering", "completed", "failed", "cancelled"]
ENDED = frozenset({"completed", "failed", "cancelled"})


@dataclass(frozen=True, slots=True)
class AcceptedVideo:
    id: str
    status_url: str = ""


@dataclass(frozen=True, slots=True)
class VideoUpload:
    """A file on its way in pieces. id: also of the video that becomes of it. offset: how much of it has arrived."""

    id: str
    filename: str
    size_bytes: int
    offset: int

    @property
    def is_complete(self) -> bool:
        return self.offset == self.size_bytes


@dataclass(frozen=True, slots=True)
class VideoError:
    code: str = "failed"
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Video:
    """A video, and how far it is. What is not known yet is None.

    progress: of the whole way, 0 to 1. eta_s: how long the rest takes at the rate so far. faces_tracked: a face that
    comes back after a while is another one. interpolated_share: of all boxes, those where a face was not seen.
    """

    id: str
    status: VideoStatus
    filename: str = ""
    size_bytes: int = 0
    progress: float = 0.0
    frames_total: int | None = None
    frames_done: int = 0
    eta_s: float | None = None
    duration_s: float | None = None
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    codec: str | None = None
    faces_tracked: int | None = None
    interpolated_share: float | None = None
    dropped: tuple[str, ...] | None = None
    result_size_bytes: int | None = None
    options: dict[str, Any] = field(default_factory=dict)
    webhook_url: str | None = None
    error: VideoError | None = None
    created_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def is_finished(self) -> bool:
        return self.status in ENDED


@dataclass(frozen=True, slots=True)
class TrackedFace:
    """A face of one frame. seen: False where it was missed, and is masked between two frames that show it.

    track_id: None for one that only the verification of the masked video has found.
    """

    bbox: Box
    seen: bool
    confidence: float | None = None
    track_id: int | None = None


@dataclass(frozen=True, slots=True)
class TrackedFrame:
    """What was masked in a frame."""

    frame: int
    time_s: float
    faces: tuple[TrackedFace, ...]
