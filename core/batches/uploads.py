"""Uploads to a batch: each file is checked, stored, and becomes an item; a repeat makes none.

Objects come before rows: a process that dies in between leaves an object without a row, which maintenance finds.
"""

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from core.batches import item_names, items, lifecycle
from core.batches.items import ExistingItem, NewItem, Refusal
from core.contract.states import BatchStatus, ItemState
from core.errors import BatchClosed, FaceApiError, QueueFull
from core.pictures import headers
from core.records.results import PendingResult, ResultStore, UploadedImage

RETRY_AFTER_S = 5
TAKEN_DETAIL = "another picture has this name in this batch"
INVALID_NAME, NAME_TAKEN = "invalid_name", "name_taken"
UnsentCode = Literal["upload_too_large", "unsendable_name", "unreadable_file"]
UNSENT: dict[UnsentCode, str] = {
    "upload_too_large": "it is larger than a call may be",
    "unsendable_name": "its name has characters that a form can't hold",
    "unreadable_file": "it could not be read where it lies",
}


class UploadSource(Protocol):
    """One file of an upload. `read` is called at most once, and closes the file."""

    @property
    def name(self) -> str: ...

    def read(self) -> bytes: ...


@dataclass(frozen=True)
class AcceptedItem:
    """A file that is an item now. duplicate: it was one before."""

    id: uuid.UUID
    name: str
    state: str
    duplicate: bool


@dataclass(frozen=True)
class RejectedItem:
    """A file that became no item, and why."""

    name: str
    code: str
    detail: str


@dataclass(frozen=True)
class UnsentPicture:
    """A file that was chosen and could not be sent, and why."""

    name: str
    size_bytes: int
    code: UnsentCode


@dataclass(frozen=True)
class UploadReceipt:
    accepted: list[AcceptedItem] = field(default_factory=list)
    refused: list[RejectedItem] = field(default_factory=list)


@dataclass(frozen=True)
class BatchUploader:
    """Takes uploads for batches. queue_limit: how many items may wait, of all batches together.

    heic: whether HEIC is read.
    """

    results: ResultStore
    max_pixels: int
    queue_limit: int
    heic: bool = True

    def take(self, batch_id: uuid.UUID, files: Sequence[UploadSource]) -> UploadReceipt:
        """Make items of files. QueueFull, NotFound, BatchClosed; StorageUnavailable when the store fails.

        What was stored until then is an item all the same: a repeat gets it as a duplicate.
        """
        existing = self._prepare(batch_id, [file.name for file in files])
        outcomes: list[tuple[str, str] | RejectedItem] = []
        fresh: dict[str, NewItem] = {}
        with self.results.begin() as pending:
            try:
                outcomes.extend(self._examine(file, existing, fresh, pending) for file in files)
            finally:
                if fresh:
                    existing = _added(pending, batch_id, existing, fresh)
        return _receipt(outcomes, existing, fresh)

    def note_unsent(self, batch_id: uuid.UUID, files: Sequence[UnsentPicture]) -> None:
        """Make refused items of files that can't be sent; a name that the batch has already is skipped."""
        noted = {
            name: NewItem(name, file.size_bytes, refusal=Refusal(file.code, UNSENT[file.code]))
            for file in files
            for name in [file.name if not item_names.problem(file.name) else item_names.shown(file.name)]
        }
        with self.results.sessions() as session:
            items.add(session, batch_id, list(noted.values()))
            session.commit()

    def _prepare(self, batch_id: uuid.UUID, names: list[str]) -> dict[str, ExistingItem]:
        """Refuse what can't be taken before anything is stored; return the items that have these names."""
        with self.results.sessions() as session:
            batch = lifecycle.get(session, batch_id)
            if batch.status != BatchStatus.OPEN or batch.prefix is not None:
                raise BatchClosed("this batch takes no more pictures, or takes them from the store")
            if lifecycle.waiting(session) >= self.queue_limit:
                raise QueueFull(f"{self.queue_limit} pictures of batches are waiting", retry_after_s=RETRY_AFTER_S)
            return items.existing(session, batch_id, [name for name in names if not item_names.problem(name)])

    def _examine(
        self,
        file: UploadSource,
        existing: dict[str, ExistingItem],
        fresh: dict[str, NewItem],
        pending: PendingResult,
    ) -> tuple[str, str] | RejectedItem:
        """Store a file that may become an item, and return its name and digest; or say why it may not.

        Both become rows. What was refused before under its name makes place.
        """
        problem = item_names.problem(file.name)
        if problem:
            shown = item_names.shown(file.name)
            fresh.setdefault(shown, NewItem(shown, 0, refusal=Refusal(INVALID_NAME, problem)))
            return RejectedItem(file.name, INVALID_NAME, problem)
        data = file.read()
        digest = hashlib.sha256(data).hexdigest()
        there, sent = existing.get(file.name), fresh.get(file.name)
        if (there and there.state != ItemState.REFUSED) or (sent and not sent.refusal):
            if digest != (there.digest if there and there.state != ItemState.REFUSED else sent and sent.digest):
                shown = item_names.beside(file.name, digest)  # the same one for a repeat
                fresh.setdefault(shown, NewItem(shown, len(data), digest, refusal=Refusal(NAME_TAKEN, TAKEN_DETAIL)))
            return file.name, digest
        item_id = there.id if there else uuid.uuid4()
        try:
            header = headers.probe(data, self.max_pixels, heic=self.heic)
        except FaceApiError as error:
            refusal = Refusal(error.code, error.detail)
            fresh[file.name] = NewItem(file.name, len(data), digest, refusal=refusal, id=item_id)
            return RejectedItem(file.name, error.code, error.detail)
        image_id, upload = uuid.uuid4(), UploadedImage(data, file.name, f"image/{header.format}")
        pending.put_original(image_id, upload)  # one at a time: a body may hold a thousand
        image = upload.row(image_id, header.width, header.height)
        fresh[file.name] = NewItem(file.name, len(data), digest, image, id=item_id)
        return file.name, digest


def _added(
    pending: PendingResult, batch_id: uuid.UUID, existing: dict[str, ExistingItem], fresh: dict[str, NewItem]
) -> dict[str, ExistingItem]:
    """Make items of files; return those that keep their names, because they were there before.

    What becomes no item, because others were faster, is removed from the store again.
    """
    before = pending.commit(lambda session: items.add(session, batch_id, list(fresh.values())))
    pending.discard([image.s3_key for name in before if (image := fresh[name].image)])
    return {name: item for name, item in existing.items() if name not in fresh} | before


def _receipt(
    outcomes: list[tuple[str, str] | RejectedItem], existing: dict[str, ExistingItem], fresh: dict[str, NewItem]
) -> UploadReceipt:
    """List every file in the order of the upload. existing: items that were there before, also just before."""
    receipt, new = UploadReceipt(), {name: item for name, item in fresh.items() if name not in existing}
    for one in outcomes:
        if isinstance(one, RejectedItem):
            receipt.refused.append(one)
            continue
        name, digest = one
        item, state = (existing[name], existing[name].state) if name in existing else (fresh[name], ItemState.QUEUED)
        if item.digest != digest:
            receipt.refused.append(RejectedItem(name, NAME_TAKEN, TAKEN_DETAIL))
            continue
        receipt.accepted.append(AcceptedItem(item.id, name, state, duplicate=new.pop(name, None) is None))
    return receipt
