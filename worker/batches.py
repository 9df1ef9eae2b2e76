"""Work on batches: one picture a task, so that a waiting call is never behind more than one.

A task only says that there is work; the rows say which. Objects are written before the rows that name them, under
keys that a second attempt writes again.
"""

import hashlib
import time
from contextlib import AbstractContextManager
from typing import Any

from celery import Task, shared_task
from sqlalchemy.exc import SQLAlchemyError

from core.batches import leases, reaping
from core.batches.leases import ItemLease, ItemResult
from core.contract.options import ResolvedMaskOptions
from core.engine.client import EngineClient
from core.errors import DatabaseUnavailable, FaceApiError, InternalError, NotFound, Unavailable, UploadTooLarge
from core.observability import logs, metrics, traces
from core.pictures import headers
from core.records import outcomes
from core.records.outcomes import JobOutcome
from core.records.results import PendingResult, ResultStore, UploadedImage
from core.records.rows import StoredImage
from worker import activity, runtime
from worker.leases import SUPERSEDED, LeaseKeeper, LeaseLost, reap_dead_task
from worker.runtime import Runtime

log = logs.get(__name__)


@shared_task(name="work_batch", bind=True)
def work_batch(self: "Task[Any, Any]") -> None:
    """Work on the next picture of a batch, if one waits."""
    process = runtime.get()
    results = process.services.results
    if results is None:
        return
    started = time.perf_counter()
    try:
        with results.sessions() as session:
            lease = leases.take(session, str(self.request.id), process.settings.batch_lease_s)
    except SQLAlchemyError as error:
        log.warning("lease_not_taken", error=logs.reason(error))
        return
    if lease is None:
        return
    process.engine.wake_workers()  # also after the last of its batch: others may wait
    items = ItemProcessor(process, results)
    with items.lease_heartbeat(lease), traces.span("batch item") as span:
        outcome = items.process(lease)
        span.tell(outcome=outcome)
    if not lease.more:  # it may have been the last
        process.engine.wake_webhook_delivery()
    ms = round((time.perf_counter() - started) * 1000, 2)
    metrics.count(metrics.TASKS, "batch", outcome)
    log.info("item_finished", outcome=outcome, attempt=lease.attempts, ms=ms)


def reap_task(task_id: str) -> None:
    """Give the item of a task whose process died to another worker."""
    reap_dead_task(task_id, reaping.reap_expired_leases, EngineClient.wake_workers)


class ItemProcessor:
    """Works on the items that one process holds a lease of."""

    def __init__(self, runtime: Runtime, results: ResultStore) -> None:
        self._runtime = runtime
        self._results = results
        self._lease_s = runtime.settings.batch_lease_s
        self.keeper = LeaseKeeper(results.sessions, self._lease_s)

    def lease_heartbeat(self, lease: ItemLease) -> AbstractContextManager[None]:
        """Extend the lease again and again for as long as the work takes."""
        return self.keeper.heartbeat(lambda session: leases.extend(session, lease, self._lease_s))

    def process(self, lease: ItemLease) -> str:
        """Detect or mask an item and store the result; return the outcome as a code."""
        try:
            with self._results.begin(retried=True) as pending:
                result = self._result(lease, pending)
                storing = time.perf_counter()
                with traces.span("store"):
                    pending.wait()
                    done = self.keeper.write(lambda session: leases.complete(session, lease, result))
                metrics.observe(metrics.STEP_SECONDS, time.perf_counter() - storing, "store")
            return "ok" if done else SUPERSEDED
        except LeaseLost:
            return SUPERSEDED
        except Unavailable as error:
            log.warning("item_postponed", error=logs.reason(error))
            self.keeper.write(lambda session: leases.requeue_later(session, lease))
            return error.code
        except FaceApiError as error:
            return self._fail(lease, error)
        except SQLAlchemyError:
            # The lease runs out, and another worker tries.
            log.exception("item_not_stored")
            return DatabaseUnavailable.code
        except Exception:
            log.exception("item_failed")
            return self._fail(lease, InternalError())

    def _fail(self, lease: ItemLease, error: FaceApiError) -> str:
        self.keeper.write(lambda session: leases.fail(session, lease, error.code, error.detail))
        return error.code

    def _result(self, lease: ItemLease, pending: PendingResult) -> ItemResult:
        """Detect or mask an item, and begin to store the pictures."""
        data = self._read(lease)
        self.keeper.check()
        with activity.shared().working():
            outcome = self._outcome(lease, data)
        self.keeper.require(lambda session: leases.extend(session, lease, self._lease_s))
        values = outcome.values | {"detections": outcome.detections(), "report": outcome.report}
        image = self._copied(lease, data, outcome, pending) if lease.source_key else None
        if outcome.processed is None:
            return ItemResult(values, image=image)
        key = pending.add_processed(lease.image_id, lease.job_id, values["output_format"], outcome.processed)
        values |= {"processed_s3_key": key, "processed_size_bytes": len(outcome.processed)}
        return ItemResult(values, hashlib.sha256(outcome.processed).hexdigest(), image)

    def _read(self, lease: ItemLease) -> bytes:
        """Read the picture of an item; an object of the bucket that is too large is not fetched, or not to its end."""
        source = lease.source_key or lease.key
        if source is None:
            raise NotFound(leases.GONE)
        if not lease.source_key:
            return self._results.objects.get(source)
        size, largest = self._results.objects.stat(source).size_bytes, self._runtime.settings.max_upload_bytes
        if size > largest:
            raise UploadTooLarge(f"the object has {size} bytes, and the largest that is taken has {largest}")
        data = self._results.objects.get(source, most=largest + 1)
        if len(data) > largest:  # it has been replaced since
            raise UploadTooLarge(f"the object has grown to more than {largest} bytes, the most that is taken")
        return data

    def _outcome(self, lease: ItemLease, data: bytes) -> JobOutcome:
        started = time.perf_counter()
        options = lease.options
        if isinstance(options, ResolvedMaskOptions):
            masked = self._runtime.mask(data, options)
            return outcomes.masked(masked, options, (time.perf_counter() - started) * 1000)
        report = self._runtime.detect(data, options)
        return outcomes.detected(report, options, (time.perf_counter() - started) * 1000)

    def _copied(self, lease: ItemLease, data: bytes, outcome: JobOutcome, pending: PendingResult) -> StoredImage:
        """Copy a picture of the bucket to where uploads are: what is deleted later is the copy, never the original."""
        header = headers.probe(data, self._runtime.settings.max_image_pixels)
        upload = UploadedImage(data, lease.name, f"image/{header.format}")
        pending.add_original(lease.image_id, upload)
        return upload.row(lease.image_id, outcome.width, outcome.height)
