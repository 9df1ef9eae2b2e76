"""What a call leaves behind: its picture, its result and its rows. A failure to store them never fails the call."""

import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import TimeoutError as Overdue
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from core.contract.states import JobStatus
from core.database.clock import now
from core.errors import StorageUnavailable
from core.observability import logs, metrics, traces
from core.records import records
from core.records.outcomes import JobOutcome
from core.records.results import PendingResult, ResultStore, UploadedImage
from core.records.rows import StoredJob

log = logs.get(__name__)

# chosen: a store that hangs makes a call this much slower at the most
WITHIN_S = 5.0


@dataclass(frozen=True)
class StoredIds:
    """Under which ids a call was stored, both None when it was not; storage_ms: how long the call waited for that."""

    image_id: uuid.UUID | None = None
    job_id: uuid.UUID | None = None
    storage_ms: float | None = None


class NullResult:
    """A call of which nothing is stored."""

    def finish(self, made: Callable[[], JobOutcome]) -> StoredIds:
        return StoredIds()


class CallResult:
    """A call whose picture is being stored while the engine works. count_failure: called when storing fails."""

    def __init__(self, pending: PendingResult, upload: UploadedImage, count_failure: Callable[[], None]) -> None:
        self._pending = pending
        self._upload = upload
        self._count_failure = count_failure
        self._image_id = uuid.uuid4()
        pending.add_original(self._image_id, upload)

    def finish(self, made: Callable[[], JobOutcome]) -> StoredIds:
        """Store the result and the rows; a failure gives a StoredIds without ids. made: makes what is stored."""
        started = time.perf_counter()
        outcome = made()
        job = self._job(outcome)
        image = self._upload.row(self._image_id, outcome.width, outcome.height)

        def insert(session: Session) -> None:
            records.insert_image(session, image)
            records.insert_job(session, job, outcome.detections(), outcome.report)

        try:
            with traces.span("store"):
                self._pending.commit(insert, WITHIN_S)
        except (StorageUnavailable, Overdue, SQLAlchemyError) as error:
            log.warning("result_not_stored", error=logs.reason(error))
            cause = "database" if isinstance(error, SQLAlchemyError) else "storage"
            metrics.count(metrics.UNKEPT_RESULTS, cause)
            self._count_failure()
            return StoredIds(storage_ms=_since(started))
        finally:
            metrics.observe(metrics.STEP_SECONDS, _since(started) / 1000, "store")
        return StoredIds(image.id, job.id, _since(started))

    def _job(self, outcome: JobOutcome) -> StoredJob:
        job_id, moment, values = uuid.uuid4(), now(), dict(outcome.values)
        if outcome.processed is not None:
            key = self._pending.add_processed(self._image_id, job_id, values["output_format"], outcome.processed)
            values |= {"processed_s3_key": key, "processed_size_bytes": len(outcome.processed)}
        return StoredJob(
            id=job_id,
            image_id=self._image_id,
            status=JobStatus.COMPLETED,
            created_at=moment,
            finished_at=moment,
            api_key_id=self._upload.api_key_id,
            **values,
        )


@contextmanager
def stored(
    results: ResultStore | None, upload: UploadedImage, count_failure: Callable[[], None]
) -> Iterator[CallResult | NullResult]:
    """Store a call while the engine works; one that fails leaves nothing. Without `results` nothing is stored."""
    if results is None:
        yield NullResult()
        return
    with results.begin() as pending:
        yield CallResult(pending, upload, count_failure)


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1000
