"""Uploads to a batch: each file is judged, stored, and becomes an item; a repeat makes none.

Objects come before rows: what dies in between is an object without a row, which maintenance finds.
"""

import hashlib
import unicodedata
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy.orm import Session

from core import batch_items, batches, cleanups, images, objects
from core.batch_items import NAME_LENGTH, Known, NewItem
from core.db import Sessions
from core.errors import BatchClosed, FaceApiError, QueueFull
from core.records import StoredImage
from core.storage import ObjectStore

RETRY_AFTER_S = 5


class File(Protocol):
    """One file of an upload. `read` is asked at most once: after it the file is of no more use."""

    @property
    def name(self) -> str: ...

    def read(self) -> bytes: ...


@dataclass(frozen=True)
class Accepted:
    """A file that is an item. duplicate: it was one before."""

    id: uuid.UUID
    name: str
    state: str
    duplicate: bool


@dataclass(frozen=True)
class Refusal:
    """A file that became no item, and why."""

    name: str
    code: str
    detail: str


@dataclass(frozen=True)
class Receipt:
    accepted: list[Accepted] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)


@dataclass(frozen=True)
class Uploader:
    """Takes uploads for batches. queue_limit: how many items may wait, of all batches together."""

    store: ObjectStore
    sessions: Sessions
    max_pixels: int
    queue_limit: int

    def take(self, batch_id: uuid.UUID, files: Sequence[File]) -> Receipt:
        """Make items of files. QueueFull, NotFound, BatchClosed; StorageUnavailable when the store fails.

        What was stored until then is an item all the same: whoever sends it again is told so.
        """
        known = self._prepare(batch_id, [file.name for file in files])
        told: list[tuple[str, str] | Refusal] = []
        stored: dict[str, NewItem] = {}
        try:
            told.extend(self._judge(file, known, stored) for file in files)
        finally:
            if stored:
                known |= self._add(batch_id, stored)
        return _receipt(told, known, stored)

    def _add(self, batch_id: uuid.UUID, stored: dict[str, NewItem]) -> dict[str, Known]:
        """Make items of what is stored; what becomes none, because others were faster, goes from the store again."""
        with self.sessions() as session:
            try:
                before = batch_items.add(session, batch_id, list(stored.values()))
            except BatchClosed:  # of any other failure nobody knows whether the rows are there
                session.rollback()
                _discard(session, stored.values())
                raise
            _discard(session, [stored[name] for name in before])
        return before

    def _prepare(self, batch_id: uuid.UUID, names: list[str]) -> dict[str, Known]:
        """Refuse what can't be taken before anything is stored; return the items that have these names."""
        with self.sessions() as session:
            batch = batches.get(session, batch_id)
            if batch.status != "open" or batch.prefix is not None:
                raise BatchClosed("this batch takes no more pictures, or takes them from the store")
            if batches.waiting(session) >= self.queue_limit:
                raise QueueFull(f"{self.queue_limit} pictures of batches are waiting", retry_after_s=RETRY_AFTER_S)
            return batch_items.known(session, batch_id, [name for name in names if not name_problem(name)])

    def _judge(self, file: File, known: dict[str, Known], stored: dict[str, NewItem]) -> tuple[str, str] | Refusal:
        """Store a file that may become an item, and return its name and digest; or say why it may not."""
        problem = name_problem(file.name)
        if problem:
            return Refusal(file.name, "invalid_name", problem)
        data = file.read()
        digest = hashlib.sha256(data).hexdigest()
        if file.name in known or file.name in stored:
            return file.name, digest
        try:
            header = images.probe(data, self.max_pixels)
        except FaceApiError as error:
            return Refusal(file.name, error.code, error.detail)
        image_id = uuid.uuid4()
        key = objects.original_key(image_id, file.name)
        content_type = f"image/{header.format}"
        self.store.put(key, data, content_type)
        filename = objects.safe_filename(file.name)
        image = StoredImage(image_id, filename, content_type, len(data), header.width, header.height, key)
        stored[file.name] = NewItem(file.name, len(data), digest, image)
        return file.name, digest


def _discard(session: Session, items: Iterable[NewItem]) -> None:
    """Have the pictures of items that were not made removed. Commits."""
    cleanups.register(session, [item.image.s3_key for item in items if item.image])
    session.commit()


def name_problem(name: str) -> str | None:
    """Say what is wrong with the name of an item: it is where its result is written to, below a folder."""
    if not name or len(name) > NAME_LENGTH:
        return f"a name has 1 to {NAME_LENGTH} characters"
    if "\\" in name or not objects.is_key(name):
        return "a name is a path with / between its parts, relative and without . or .. in it"
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in name):
        return "a name has no control characters"
    return None


def _receipt(told: list[tuple[str, str] | Refusal], known: dict[str, Known], stored: dict[str, NewItem]) -> Receipt:
    """Tell of every file in the order in which they came. known: items that were there before, also just before."""
    receipt, new = Receipt(), {name: item for name, item in stored.items() if name not in known}
    for one in told:
        if isinstance(one, Refusal):
            receipt.refused.append(one)
            continue
        name, digest = one
        item, state = (known[name], known[name].state) if name in known else (stored[name], "queued")
        if item.digest != digest:
            detail = "another picture has this name in this batch"
            receipt.refused.append(Refusal(name, "name_taken", detail))
            continue
        receipt.accepted.append(Accepted(item.id, name, state, duplicate=new.pop(name, None) is None))
    return receipt
