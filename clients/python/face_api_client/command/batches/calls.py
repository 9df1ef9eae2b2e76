"""The endpoints of the batch API: requests, and validated responses."""

import asyncio
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

from face_api_client.command.batches import clients
from face_api_client.command.batches.clients import ADMIN, Client, Rejection, RequestRejected
from face_api_client.command.batches.outcomes import Failure, ItemOutcome
from face_api_client.command.batches.pictures import LocalPicture
from face_api_client.command.targets import ServiceTarget

Model = TypeVar("Model", bound=BaseModel)

PER_PAGE = 100
# Items that finish at the same moment may be listed out of order: each poll starts a little before the last one's end.
OVERLAP = timedelta(seconds=5)


class BatchCounts(BaseModel):
    queued: int = 0
    running: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    refused: int = 0
    deleted: int = 0
    total: int = 0


class BatchInfo(BaseModel):
    """A batch as the service reports it."""

    id: uuid.UUID
    name: str
    job_type: Literal["mask", "detect"]
    options: dict[str, Any] = {}
    status: str
    counts: BatchCounts
    faces: int = 0
    rate_per_s: float | None = None
    remaining_s: float | None = None
    to_review: int = 0
    created_at: datetime

    @property
    def is_finished(self) -> bool:
        """Whether no more results will come; a cancelled batch still finishes its running items."""
        return self.status in {"completed", "cancelled"} and not self.counts.queued + self.counts.running

    @property
    def result_kind(self) -> str:
        """The format of the results: the images' format, or json."""
        return str(self.options.get("format", "jpeg")) if self.job_type == "mask" else "json"


class ItemFailure(BaseModel):
    code: str = "failed"
    detail: str | None = ""


class ItemInfo(BaseModel):
    """An item as the service reports it. name: None once it is deleted."""

    id: uuid.UUID
    name: str | None
    state: str
    error: ItemFailure | None = None
    face_count: int | None = None
    result_sha256: str | None = None
    finished_at: datetime | None = None

    def outcome(self) -> ItemOutcome:
        error = self.error or ItemFailure(code="")
        why = (error.code or None, error.detail or None)
        return ItemOutcome(self.name, str(self.id), self.state, self.face_count or 0, *why, self.result_sha256)


class AcceptedUpload(BaseModel):
    id: uuid.UUID
    name: str


class RejectedUpload(BaseModel):
    name: str
    code: str
    detail: str = ""


class UploadResult(BaseModel):
    """The outcome of each file of one upload."""

    accepted: list[AcceptedUpload]
    refused: list[RejectedUpload]
    digests: dict[str, str] = {}

    def uploads(self) -> list[tuple[str, str, str]]:
        """Return name, sha256 and item id of the accepted files; names that were never sent are ignored."""
        return [
            (file.name, self.digests[file.name], str(file.id)) for file in self.accepted if file.name in self.digests
        ]

    def failures(self) -> list[Failure]:
        return [Failure(file.name, file.code, file.detail) for file in self.refused if file.name in self.digests]


async def check(target: ServiceTarget) -> None:
    """Find out within seconds whether batches can be made there: NoAccess or NotReached, with what to check."""
    waits: list[str] = []
    try:
        async with (
            Client(target, waits.append, clients.START_LIMIT_S) as client,
            asyncio.timeout(clients.START_LIMIT_S),
        ):
            await list_batches(client, None, 1, 1)
    except (TimeoutError, clients.RetriesExhausted, RequestRejected) as error:
        reason = waits[-1].removeprefix("waiting: ") if waits else str(error) or "there is no answer"
        raise clients.NotReached(f"{target.url}: {reason}\n{clients.what_to_check(target)}") from error


async def create(client: Client, body: dict[str, Any], idempotency_key: str) -> BatchInfo:
    """Create a batch; a repeated call with the same key returns the same batch."""
    return _parse(BatchInfo, await client.post("/batches", body, {"Idempotency-Key": idempotency_key}))


async def get(client: Client, batch: str) -> BatchInfo:
    return _parse(BatchInfo, await client.get(f"/batches/{batch}"))


async def change_state(client: Client, batch: str, action: Literal["close", "cancel", "retry-failed"]) -> BatchInfo:
    return _parse(BatchInfo, await client.post(f"/batches/{batch}/{action}"))


async def delete(client: Client, batch: str) -> None:
    await client.delete(f"/batches/{batch}")


async def list_batches(client: Client, status: str | None, page: int, per_page: int) -> list[BatchInfo]:
    body = await client.get("/batches", status=status, page=page, per_page=per_page)
    return [_parse(BatchInfo, item) for item in body.get("items", [])]


async def upload(client: Client, batch: str, folder: Path, files: Sequence[LocalPicture]) -> UploadResult:
    """Upload some pictures in one request; OSError names a file that can't be read."""
    readers: dict[str, HashingReader] = {}

    async def attempt() -> httpx.Response:
        with ExitStack() as stack:
            for file in files:
                readers[file.name] = HashingReader(stack.enter_context((folder / file.name).open("rb")))
            parts = [("images", (file.name, readers[file.name], "application/octet-stream")) for file in files]
            return await client.http.post(f"{ADMIN}/batches/{batch}/images", files=parts)  # type: ignore[arg-type]  # httpx only reads

    uploaded = _parse(UploadResult, (await client.send(attempt)).json())
    return uploaded.model_copy(update={"digests": {name: reader.digest for name, reader in readers.items()}})


async def finished_items(client: Client, batch: str, after: datetime) -> AsyncIterator[list[ItemInfo]]:
    """Yield the items that have finished since a moment, or a little before it, oldest first, page by page.

    Keyset pagination: each page starts at the moment where the one before ended, because large offsets would get
    slower and slower. Some items are yielded twice.
    """
    after, page = after - OVERLAP, 1
    while items := await _item_page(client, batch, {"finished_after": after.isoformat(), "page": page}):
        yield items
        if len(items) < PER_PAGE:
            return
        last = max([after, *(item.finished_at for item in items if item.finished_at)])
        after, page = (last, 1) if last > after else (after, page + 1)  # very many may have finished at one moment


async def all_items(client: Client, batch: str) -> AsyncIterator[list[ItemInfo]]:
    """Yield all items page by page."""
    page = 1
    while items := await _item_page(client, batch, {"page": page}):
        yield items
        page += 1


async def _item_page(client: Client, batch: str, query: dict[str, str | int]) -> list[ItemInfo]:
    body = await client.get(f"/batches/{batch}/items", per_page=PER_PAGE, **query)
    return [_parse(ItemInfo, item) for item in body.get("items", [])]


async def download(client: Client, batch: str, item: str, part: Path) -> str:
    """Download a result to a file, and flush it to the disk; return its sha256."""
    digests: list[str] = []

    async def attempt() -> httpx.Response:
        path = f"{ADMIN}/batches/{batch}/items/{item}/result"
        async with client.http.stream("GET", path) as response:
            if not response.is_success:
                await response.aread()
                return response
            sha256 = hashlib.sha256()
            with part.open("wb") as file:
                async for block in response.aiter_bytes():
                    file.write(block)
                    sha256.update(block)
                file.flush()
                os.fsync(file.fileno())
            digests.append(sha256.hexdigest())
            return response

    await client.send(attempt)
    return digests[-1]


class HashingReader:
    """A file that is read once, and its sha256 after that."""

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
        """Let httpx read the file's length."""
        return self._file.fileno()


def _parse(model: type[Model], body: object) -> Model:
    """Validate a response's body; RequestRejected for any other shape."""
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise RequestRejected(Rejection(0, "not_the_service", "this is not a response of a Face API")) from error
