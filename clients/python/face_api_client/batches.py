"""Batches and their items, as the service reports them."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from face_api_client.options import MaskOptions

Item = TypeVar("Item")
JobType = Literal["mask", "detect"]
BatchStatus = Literal["open", "running", "completed", "cancelled"]
ItemState = Literal["queued", "running", "completed", "failed", "cancelled", "refused", "deleted"]


@dataclass(frozen=True, slots=True)
class NewBatch:
    """A batch to create. options: of mask or detect; the service chooses what is left out.

    webhook_url: is called when it has ended. prefix: import the pictures of the bucket whose keys have it, instead of
    uploads. idempotency_key: of calls with the same one, only the first creates a batch.
    """

    name: str
    options: MaskOptions | dict[str, Any] = field(default_factory=dict)
    job_type: JobType = "mask"
    webhook_url: str | None = None
    prefix: str | None = None
    idempotency_key: str = field(default_factory=lambda: str(uuid.uuid4()))

    def body(self) -> dict[str, Any]:
        optional = {"webhook_url": self.webhook_url, "prefix": self.prefix}
        given = {name: value for name, value in optional.items() if value is not None}
        return {"name": self.name, "job_type": self.job_type, "options": dict(self.options)} | given


@dataclass(frozen=True, slots=True)
class UnsentFile:
    """A file that was chosen for a batch, and can't be sent. code: why, such as `upload_too_large`."""

    name: str
    size_bytes: int
    code: str


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """One page of a list. total: of all pages."""

    items: tuple[Item, ...]
    total: int
    page: int
    pages: int


@dataclass(frozen=True, slots=True)
class BatchCounts:
    """Items by state. refused: no pictures that are taken."""

    queued: int = 0
    running: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    refused: int = 0
    deleted: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch. open: it takes uploads, and is processed already; running: closed; completed: nothing is left to do.

    rate_per_s: items finished per second, recently; remaining_s: how long the rest takes at that rate.
    """

    id: str
    name: str
    job_type: JobType
    status: BatchStatus
    counts: BatchCounts
    created_at: datetime
    options: dict[str, Any] = field(default_factory=dict)
    faces: int = 0
    rate_per_s: float | None = None
    remaining_s: float | None = None
    to_review: int = 0
    webhook_url: str | None = None
    prefix: str | None = None
    closed_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def is_finished(self) -> bool:
        """Whether no more results will come; a cancelled batch still finishes its running items."""
        return self.status in {"completed", "cancelled"} and not self.counts.queued + self.counts.running

    @property
    def result_kind(self) -> str:
        """The format of the results: the images' format, or json."""
        return str(self.options.get("format", "jpeg")) if self.job_type == "mask" else "json"


@dataclass(frozen=True, slots=True)
class ItemError:
    code: str = "failed"
    detail: str | None = ""


@dataclass(frozen=True, slots=True)
class BatchItem:
    """A picture of a batch. name: None once it is deleted. What it doesn't have yet, or no longer, is None."""

    id: str
    name: str | None
    state: ItemState
    error: ItemError | None = None
    attempts: int = 0
    image_id: str | None = None
    job_id: str | None = None
    face_count: int | None = None
    size_bytes: int = 0
    sha256: str | None = None
    result_sha256: str | None = None
    corrected: bool = False
    uncovered_faces: int | None = None
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AcceptedFile:
    """A file that became an item. duplicate: the same picture was there before under this name."""

    id: str
    name: str
    duplicate: bool = False


@dataclass(frozen=True, slots=True)
class RefusedFile:
    name: str
    code: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class UploadReceipt:
    """What became of each file. digests: sha256 of what was sent, by name."""

    accepted: tuple[AcceptedFile, ...]
    refused: tuple[RefusedFile, ...]
    digests: dict[str, str] = field(default_factory=dict)
