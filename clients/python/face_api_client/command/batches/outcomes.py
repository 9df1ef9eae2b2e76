"""What became of a picture, as the command notes it."""

from dataclasses import dataclass
from typing import Self

from face_api_client.batches import BatchItem, ItemError

# The journal's states by those of items at the service.
STATES = {
    "completed": "finished",
    "failed": "failed",
    "cancelled": "cancelled",
    "refused": "refused",
    "deleted": "deleted",
}


@dataclass(frozen=True)
class PendingDownload:
    """A finished picture whose result is to be downloaded. item: the service's id; result: a path below OUT.

    sha256: of the file that was downloaded before, which this one replaces; None for the first.
    """

    name: str
    item: str
    result: str
    sha256: str | None = None


@dataclass(frozen=True)
class DownloadedResult:
    """A result that was downloaded. result: a path below OUT; size: of its file, unknown to old journals."""

    name: str
    result: str
    size: int | None


@dataclass(frozen=True)
class ItemOutcome:
    """The state of an item at the service. name: None when it was deleted there; sha256: of its result."""

    name: str | None
    item: str
    state: str
    faces: int = 0
    code: str | None = None
    detail: str | None = None
    sha256: str | None = None

    @classmethod
    def of(cls, item: BatchItem) -> Self:
        error = item.error or ItemError(code="")
        why = (error.code or None, error.detail or None)
        return cls(item.name, item.id, item.state, item.face_count or 0, *why, item.result_sha256)


@dataclass(frozen=True)
class Failure:
    """Why there is no result. state: the journal's, which says so in one word; size: of the picture, if it is known."""

    name: str
    code: str
    detail: str
    state: str = "refused"
    size: int = 0


@dataclass(frozen=True)
class KnownFile:
    """A file as it was when it was listed. sha256: of what was sent."""

    size: int
    mtime_ns: int | None
    sha256: str | None
