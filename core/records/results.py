"""Pictures and results are stored here, for every caller: objects in the object store, rows in the database.

A call, a picture of a batch, a mask by hand and an upload to a batch all take this way: objects are written while other
work goes on, rows are inserted, the objects waited for, and only then the rows committed. So no row names an object
that was never stored, and whatever ends in between leaves at most an object without a row, which is removed at once or
found by maintenance.
"""

import time
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self, TypeVar

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from core.database.clock import now
from core.database.engine import SessionFactory
from core.errors import StorageUnavailable
from core.observability import logs
from core.records import cleanups, deletions
from core.records.rows import StoredImage
from core.storage import objects
from core.storage.base import ObjectStore

Inserted = TypeVar("Inserted")


@dataclass(frozen=True)
class UploadedImage:
    """A picture as it was sent; content_type is judged by its content. api_key_id: of the key that sent it."""

    data: bytes = field(repr=False)
    filename: str
    content_type: str
    api_key_id: uuid.UUID | None = None

    def row(self, image_id: uuid.UUID, width: int, height: int) -> StoredImage:
        """Return its row; width, height: of the upright picture."""
        return StoredImage(
            id=image_id,
            filename=objects.safe_filename(self.filename),
            content_type=self.content_type,
            size_bytes=len(self.data),
            width=width,
            height=height,
            s3_key=objects.original_key(image_id, self.filename),
            created_at=now(),
            api_key_id=self.api_key_id,
        )


class ResultStore:
    """Stores objects together with the rows that name them."""

    def __init__(self, store: ObjectStore, sessions: SessionFactory, threads: int) -> None:
        self.objects = store
        self.sessions = sessions
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="store-objects")

    def close(self) -> None:
        """Wait for what is being written or removed, and take no more."""
        self._pool.shutdown()

    def begin(self, *, retried: bool = False) -> "PendingResult":
        """Begin to store something. retried: another attempt writes the same keys, so nothing is ever removed."""
        return PendingResult(self, removes=not retried)

    def write(self, key: str, data: bytes, content_type: str) -> "Future[None]":
        """Store an object in the background."""
        box = [data]
        written = self._pool.submit(lambda: self.objects.put(key, box[0], content_type))
        # One that is cancelled stays in the queue until its turn comes: without the picture.
        written.add_done_callback(lambda _: box.clear())
        return written

    def remove(self, key: str, written: "Future[None]") -> None:
        """Remove an object in the background, once its writing has ended."""
        if not written.cancel():  # else it had not begun
            self._pool.submit(self._remove, key, written, logs.bound_request())

    def _remove(self, key: str, written: "Future[None]", request_id: str | None) -> None:
        logs.bind_request(request_id)
        written.exception()  # waits; it began before this did, so even one thread does both
        deletions.discard(self.objects, self.sessions, [key])


class PendingResult:
    """Objects that are being written and whose rows are not committed yet.

    Used in a `with` statement: at its end what has no committed row is removed, whatever happened inside.
    """

    def __init__(self, results: ResultStore, *, removes: bool) -> None:
        self._results = results
        self._removes = removes
        self._written: dict[str, Future[None]] = {}
        self._image_ids: set[uuid.UUID] = set()
        self._is_settled = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._is_settled:
            self.discard(list(self._written))

    def add_original(self, image_id: uuid.UUID, upload: UploadedImage) -> str:
        """Begin to write a picture as it was sent; return its key."""
        key = objects.original_key(image_id, upload.filename)
        return self._add(image_id, key, upload.data, upload.content_type)

    def put_original(self, image_id: uuid.UUID, upload: UploadedImage) -> str:
        """Write a picture as it was sent, now; return its key. StorageUnavailable."""
        key = self.add_original(image_id, upload)
        try:
            self._written[key].result()
        except StorageUnavailable:
            self.discard([key])
            raise
        return key

    def add_processed(self, image_id: uuid.UUID, job_id: uuid.UUID, output_format: str, data: bytes) -> str:
        """Begin to write the masked picture of a job; return its key."""
        key = objects.processed_key(image_id, job_id, output_format)
        return self._add(image_id, key, data, f"image/{output_format}")

    def wait(self, within_s: float | None = None) -> None:
        """Wait until every object is in the store; StorageUnavailable, TimeoutError."""
        deadline = None if within_s is None else time.monotonic() + within_s
        for written in self._written.values():
            written.result(None if deadline is None else max(0.0, deadline - time.monotonic()))

    def commit(self, insert: Callable[[Session], Inserted], within_s: float | None = None) -> Inserted:
        """Insert rows, wait for the objects, commit; return what `insert` does.

        StorageUnavailable, TimeoutError, SQLAlchemyError, and what `insert` raises: then there are no rows.
        """
        one_writer = self._results.sessions.kw["bind"].dialect.name == "sqlite"
        with self._results.sessions() as session:
            if one_writer:  # a transaction that waits for the store would block every other writer
                self.wait(within_s)
            inserted = insert(session)
            self.wait(within_s)  # the rows are on their way to the database meanwhile
            try:
                session.commit()
            except SQLAlchemyError:
                if not self._is_committed():
                    raise
        self._is_settled = True
        return inserted

    def discard(self, keys: Iterable[str]) -> None:
        """Remove objects that have no row."""
        for key in keys:
            written = self._written.pop(key)
            if self._removes:
                self._results.remove(key, written)

    def _add(self, image_id: uuid.UUID, key: str, data: bytes, content_type: str) -> str:
        self._image_ids.add(image_id)
        self._written[key] = self._results.write(key, data, content_type)
        return key

    def _is_committed(self) -> bool:
        """Ask the database whether the rows are there: a connection that breaks may have broken after the commit.

        Where it can't answer, the objects stay: maintenance compares them with the rows later.
        """
        try:
            with self._results.sessions() as session:
                return not self._written.keys().isdisjoint(cleanups.known_keys(session, self._image_ids))
        except SQLAlchemyError:
            self._is_settled = True
            return False
