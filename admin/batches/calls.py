"""The calls of the batch API: what is sent, and what of the answers is believed."""

import hashlib
import os
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO, Literal, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from admin.batches.clients import ADMIN, Client, Rejection, RequestRejected
from admin.batches.journals import Failure, ItemOutcome
from admin.batches.pictures import LocalPicture

Model = TypeVar("Model", bound=BaseModel)

PER_PAGE = 100
# Items that finish at one moment may be told of out of order: the next look begins a little before the last.
OVERLAP = timedelta(seconds=5)


class BatchCounts(BaseModel):
    queued: int = 0
    running: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    total: int = 0


class BatchInfo(BaseModel):
    """A batch as the service tells of it."""

    id: uuid.UUID
    name: str
    job_type: Literal["mask", "detect"]
    options: dict[str, Any] = {}
    status: str
    counts: BatchCounts
    faces: int = 0
    rate_per_s: float | None = None
    remaining_s: float | None = None
    created_at: datetime

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes of it: a cancelled batch finishes what is being worked on."""
        return self.status in {"completed", "cancelled"} and not self.counts.queued + self.counts.running

    @property
    def result_kind(self) -> str:
        """What the results are: the pictures' format, or json."""
        return str(self.options.get("format", "jpeg")) if self.job_type == "mask" else "json"


class ItemFailure(BaseModel):
    code: str = "failed"
    detail: str | None = ""


class ItemInfo(BaseModel):
    id: uuid.UUID
    name: str
    state: str
    error: ItemFailure | None = None
    face_count: int | None = None
    finished_at: datetime | None = None

    def outcome(self) -> ItemOutcome:
        error = self.error or ItemFailure(code="")
        return ItemOutcome(
            self.name, str(self.id), self.state, self.face_count or 0, error.code or None, error.detail or None
        )


class AcceptedUpload(BaseModel):
    id: uuid.UUID
    name: str


class RejectedUpload(BaseModel):
    name: str
    code: str
    detail: str = ""


class Uploaded(BaseModel):
    """What became of the files of one call."""

    accepted: list[AcceptedUpload]
    refused: list[RejectedUpload]
    digests: dict[str, str] = {}

    def sent(self) -> list[tuple[str, str, str]]:
        """Return name, sha256 and item id of what was taken; of names that were never sent nothing is believed."""
        return [(one.name, self.digests[one.name], str(one.id)) for one in self.accepted if one.name in self.digests]

    def failures(self) -> list[Failure]:
        return [Failure(one.name, one.code, one.detail) for one in self.refused if one.name in self.digests]


async def create(client: Client, asked: dict[str, Any], key: str) -> BatchInfo:
    """Begin a batch. key: the same makes no second one, however often it is asked for."""
    return _read(BatchInfo, await client.post("/batches", asked, {"Idempotency-Key": key}))


async def get(client: Client, batch: str) -> BatchInfo:
    return _read(BatchInfo, await client.get(f"/batches/{batch}"))


async def act(client: Client, batch: str, what: Literal["close", "cancel", "retry-failed"]) -> BatchInfo:
    return _read(BatchInfo, await client.post(f"/batches/{batch}/{what}"))


async def newest(client: Client, status: str | None, page: int, per_page: int) -> list[BatchInfo]:
    told = await client.get("/batches", status=status, page=page, per_page=per_page)
    return [_read(BatchInfo, one) for one in told.get("items", [])]


async def upload(client: Client, batch: str, folder: Path, files: Sequence[LocalPicture]) -> Uploaded:
    """Send some pictures in one call. An OSError tells which one can't be read."""
    hashing: dict[str, Hashing] = {}

    async def attempt() -> httpx.Response:
        with ExitStack() as opened:
            for one in files:
                hashing[one.name] = Hashing(opened.enter_context((folder / one.name).open("rb")))
            parts = [("images", (one.name, hashing[one.name], "application/octet-stream")) for one in files]
            return await client.http.post(f"{ADMIN}/batches/{batch}/images", files=parts)  # type: ignore[arg-type]  # httpx only reads

    told = _read(Uploaded, (await client.persist(attempt)).json())
    return told.model_copy(update={"digests": {name: file.digest for name, file in hashing.items()}})


async def ended(client: Client, batch: str, after: datetime) -> AsyncIterator[list[ItemInfo]]:
    """Yield the items that have ended since a moment, or a little before it, oldest first, page by page.

    Each page is the first from the moment where the one before has ended: to skip many would cost the service more and
    more. Some are yielded twice.
    """
    after, page = after - OVERLAP, 1
    while found := await _page(client, batch, {"finished_after": after.isoformat(), "page": page}):
        yield found
        if len(found) < PER_PAGE:
            return
        last = max([after, *(one.finished_at for one in found if one.finished_at)])
        after, page = (last, 1) if last > after else (after, page + 1)  # very many may have ended at one moment


async def every(client: Client, batch: str) -> AsyncIterator[list[ItemInfo]]:
    """Yield all items page by page."""
    page = 1
    while found := await _page(client, batch, {"page": page}):
        yield found
        page += 1


async def _page(client: Client, batch: str, query: dict[str, str | int]) -> list[ItemInfo]:
    told = await client.get(f"/batches/{batch}/items", per_page=PER_PAGE, **query)
    return [_read(ItemInfo, one) for one in told.get("items", [])]


async def download(client: Client, batch: str, item: str, part: Path) -> None:
    """Fetch a result to a file."""

    async def attempt() -> httpx.Response:
        path = f"{ADMIN}/batches/{batch}/items/{item}/result"
        async with client.http.stream("GET", path) as answer:
            if not answer.is_success:
                await answer.aread()
                return answer
            with part.open("wb") as file:
                async for block in answer.aiter_bytes():
                    file.write(block)
                file.flush()
                os.fsync(file.fileno())
            return answer

    await client.persist(attempt)


class Hashing:
    """A file that is read once, and of which the sha256 is known then."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._sha256 = hashlib.sha256()

    @property
    def digest(self) -> str:
        return self._sha256.hexdigest()

    def read(self, size: int = -1) -> bytes:
        block = self._file.read(size)
        self._sha256.update(block)
        return block

    def fileno(self) -> int:
        """Where its length is asked."""
        return self._file.fileno()


def _read(model: type[Model], told: object) -> Model:
    """Read what the service tells; what isn't of that shape is Refused."""
    try:
        return model.model_validate(told)
    except ValidationError as error:
        raise RequestRejected(Rejection(0, "not_the_service", "this is no answer of a Face API")) from error
