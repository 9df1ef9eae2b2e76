"""Keep what a call sent and what came of it: objects in the store, rows in the database.

Whatever fails here is logged, counted and cleaned up, and never fails the call.
"""

import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Overdue
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError

from core import logs
from core.database.clock import now
from core.database.engine import SessionFactory
from core.database.models import Image
from core.errors import StorageUnavailable
from core.records import cleanups, records
from core.records.records import StoredImage, StoredJob
from core.storage import objects
from core.storage.base import ObjectStore

log = logs.get(__name__)

# chosen: a store that hangs makes a call this much slower at the most
WITHIN_S = 5.0


@dataclass(frozen=True)
class UploadedImage:
    """A picture as it was sent; content_type is judged by its content."""

    data: bytes
    filename: str
    content_type: str


@dataclass(frozen=True)
class JobOutcome:
    """What came of a call. values: the job's columns; processed: the masked picture, None for detect.

    detections: makes what is saved of the faces, asked for only when it is saved; report: what was done, in detail.
    """

    width: int
    height: int
    values: dict[str, Any]
    detections: Callable[[], list[dict[str, Any]]]
    processed: bytes | None = None
    report: dict[str, Any] | None = None


@dataclass(frozen=True)
class StoredIds:
    """Under which ids a call was kept, both None when it was not; storage_ms: how long the call waited for that."""

    image_id: uuid.UUID | None = None
    job_id: uuid.UUID | None = None
    storage_ms: float | None = None


class NullResult:
    """A call of which nothing is kept."""

    def finish(self, outcome: JobOutcome) -> StoredIds:
        return StoredIds()


@contextmanager
def draft(keeper: "ResultStore | None", upload: UploadedImage) -> Iterator["PendingResult | NullResult"]:
    """Begin to keep a call while the engine works; one that fails leaves nothing. Without a keeper nothing is kept."""
    if keeper is None:
        yield NullResult()
        return
    begun = keeper.begin(upload)
    try:
        yield begun
    except BaseException:
        begun.remove()
        raise


class ResultStore:
    """Keeps calls. count_failure is called for each that could not be kept."""

    def __init__(
        self, store: ObjectStore, sessions: SessionFactory, threads: int, count_failure: Callable[[], None]
    ) -> None:
        self._store = store
        self._sessions = sessions
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="keep")
        self._count_failure = count_failure

    def close(self) -> None:
        """Wait for what is being stored, and take no more."""
        self._pool.shutdown()

    def begin(self, upload: UploadedImage) -> "PendingResult":
        """Begin to store an original."""
        image_id = uuid.uuid4()
        return PendingResult(self, upload, image_id, objects.original_key(image_id, upload.filename))

    def start(self, key: str, data: bytes, content_type: str) -> "Future[None]":
        """Store an object in the background."""
        box = [data]
        written = self._pool.submit(lambda: self._store.put(key, box[0], content_type))
        # One that is cancelled stays in the line until its turn comes: without the picture.
        written.add_done_callback(lambda _: box.clear())
        return written

    def save(self, image: StoredImage, job: StoredJob, outcome: JobOutcome, wait: Callable[[], None]) -> None:
        """Write both rows or none. `wait` waits for their objects: rows that name them are seen only after that."""
        one_writer = self._sessions.kw["bind"].dialect.name == "sqlite"
        if one_writer:
            wait()  # who waits for a store must not keep every other writer waiting
        with self._sessions() as session:
            if not one_writer:  # the rows are on their way while the objects are
                event.listen(session, "before_commit", lambda _: wait())
            records.save_result(session, image, job, outcome.detections(), outcome.report)

    def is_saved(self, image_id: uuid.UUID) -> bool | None:
        """Ask the database whether the rows are there; None when it can't say."""
        try:
            with self._sessions() as session:
                return session.get(Image, image_id) is not None
        except SQLAlchemyError:
            return None

    def failed(self, error: Exception) -> None:
        """Note that a call could not be kept."""
        log.warning("a result was not kept", error=type(error).__name__)
        self._count_failure()

    def remove(self, key: str, written: "Future[None]") -> None:
        """Remove an object once its writing has ended, in the background."""
        if not written.cancel():  # else it had not begun
            written.add_done_callback(lambda _: self._pool.submit(self._delete, key))

    def _delete(self, key: str) -> None:
        try:
            self._store.delete(key)
        except StorageUnavailable:
            self._delete_later(key)

    def _delete_later(self, key: str) -> None:
        try:
            with self._sessions() as session:
                cleanups.register(session, [key])
                session.commit()
        except SQLAlchemyError as error:
            # Maintenance finds it: an object without a row.
            log.warning("an object is left over", error=type(error).__name__)


class PendingResult:
    """A call that is being kept."""

    def __init__(self, keeper: ResultStore, upload: UploadedImage, image_id: uuid.UUID, key: str) -> None:
        self._keeper = keeper
        self._upload = upload
        self._image_id = image_id
        self._written = {key: keeper.start(key, upload.data, upload.content_type)}

    def finish(self, outcome: JobOutcome) -> StoredIds:
        """Store the result and write the rows; a failure gives a Kept without ids."""
        started = time.perf_counter()
        job_id = uuid.uuid4()
        try:
            self._finish(job_id, outcome)
        except (StorageUnavailable, Overdue) as error:
            self._keeper.failed(error)
            self.remove()
            return StoredIds(storage_ms=_since(started))
        except SQLAlchemyError as error:
            # A connection that breaks may have broken after the commit: only the database knows.
            saved = self._keeper.is_saved(self._image_id)
            if not saved:
                self._keeper.failed(error)
                if saved is False:
                    self.remove()  # else maintenance compares rows and objects later
                return StoredIds(storage_ms=_since(started))
        return StoredIds(self._image_id, job_id, _since(started))

    def remove(self) -> None:
        """Remove every object of this call."""
        for key, written in self._written.items():
            self._keeper.remove(key, written)

    def _finish(self, job_id: uuid.UUID, outcome: JobOutcome) -> None:
        key, *_ = self._written
        values = dict(outcome.values)
        if outcome.processed is not None:
            output_format = values["output_format"]
            processed_key = objects.processed_key(self._image_id, job_id, output_format)
            content_type = f"image/{output_format}"
            self._written[processed_key] = self._keeper.start(processed_key, outcome.processed, content_type)
            values |= {"processed_s3_key": processed_key, "processed_size_bytes": len(outcome.processed)}
        moment = now()
        image = StoredImage(
            id=self._image_id,
            filename=objects.safe_filename(self._upload.filename),
            content_type=self._upload.content_type,
            size_bytes=len(self._upload.data),
            width=outcome.width,
            height=outcome.height,
            s3_key=key,
            created_at=moment,
        )
        job = StoredJob(
            id=job_id, image_id=self._image_id, status="completed", created_at=moment, finished_at=moment, **values
        )
        self._keeper.save(image, job, outcome, self._wait)

    def _wait(self) -> None:
        """Wait until every object is in the store."""
        deadline = time.monotonic() + WITHIN_S
        for written in self._written.values():
            written.result(max(0.0, deadline - time.monotonic()))


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1000
