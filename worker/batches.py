"""Work on batches: one picture a task, so that a waiting call is never behind more than one.

A task says only that there is work; which, the rows tell. Objects are written before the rows that name them, under
keys that a second attempt writes again.
"""

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from celery import Task, shared_task
from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session

from core import config, logs, services
from core.batches import leases
from core.batches.leases import ItemLease, ItemResult
from core.contract.options import MaskOptions
from core.database import engine
from core.database.clock import now
from core.database.engine import SessionFactory
from core.errors import FaceApiError, InternalError, NotFound, Unavailable
from core.pictures import images
from core.records import outcomes
from core.records.records import StoredImage
from core.records.results import JobOutcome
from core.storage import objects
from core.storage.base import ObjectStore
from worker import runtime
from worker.runtime import Runtime

log = logs.get(__name__)
AGAIN_AFTER_S = 0.5


@shared_task(name="work_batch", bind=True)
def work_batch(self: "Task[Any, Any]") -> None:
    """Work on the next picture of a batch, if one waits."""
    own = runtime.get()
    sessions, store = own.services.sessions, own.services.store
    if sessions is None or store is None:
        return
    started = time.perf_counter()
    try:
        with sessions() as session:
            held = leases.take(session, str(self.request.id), own.settings.batch_lease_s)
    except SQLAlchemyError as error:
        log.warning("no item can be taken now", error=type(error).__name__)
        return
    if held is None:
        return
    own.queue.wake_workers()  # also after the last of its batch: others may wait
    desk = ItemProcessor(own, sessions, store)
    with desk.lease_heartbeat(held):
        outcome = desk.work(held)
    if not held.more:  # it may have been the last
        own.queue.wake_webhook_delivery()
    with suppress(RedisError):  # the item is done, whoever hears of this worker or not
        own.publish_status_if_due()
    log.info("item", outcome=outcome, attempt=held.attempts, ms=round((time.perf_counter() - started) * 1000, 2))


def release_lost_item(task_id: str) -> None:
    """Note that the process of a task died: its item needn't wait until its lease runs out."""
    made = services.build(config.load())
    if made.sessions is None:
        return
    bind = engine.create(made.settings)
    try:
        with Session(bind) as session:
            leases.reap_expired_leases(session, task_id)
        made.engine.wake_workers()
    except SQLAlchemyError as error:
        log.warning("the death of a worker will show when its lease runs out", error=type(error).__name__)
    finally:
        # A process that is forked from this one later must not share its connections.
        bind.dispose()


class ItemProcessor:
    """Where one process works on the items that it holds."""

    def __init__(self, own: Runtime, sessions: SessionFactory, store: ObjectStore) -> None:
        self._own = own
        self._sessions = sessions
        self._store = store
        self._lease_s = own.settings.batch_lease_s

    @contextmanager
    def lease_heartbeat(self, held: ItemLease) -> Iterator[None]:
        """Prolong the lease again and again for as long as the work takes."""
        done = threading.Event()

        def prolong() -> None:
            while not done.wait(self._lease_s / 4):
                try:
                    with self._sessions() as session:
                        leases.extend(session, held, self._lease_s)
                except SQLAlchemyError as error:
                    log.warning("a lease was not prolonged", error=type(error).__name__)

        beat = threading.Thread(target=prolong, name="prolong-lease", daemon=True)
        beat.start()
        try:
            yield
        finally:
            done.set()
            beat.join()

    def work(self, held: ItemLease) -> str:
        """Do what is to be done to an item, and write down what came of it; return that in a word."""
        try:
            result = self._result(held)
            done = self.retry_while_database_down(lambda session: leases.complete(session, held, result))
            return "ok" if done else "superseded"
        except Unavailable as error:
            self.retry_while_database_down(lambda session: leases.requeue_later(session, held))
            return error.code
        except FaceApiError as error:
            return self._fail(held, error)
        except SQLAlchemyError:
            # The lease runs out, and another worker tries.
            log.exception("an item could not be written down")
            return "database_unavailable"
        except Exception:
            log.exception("an item failed")
            return self._fail(held, InternalError())

    def _fail(self, held: ItemLease, error: FaceApiError) -> str:
        self.retry_while_database_down(lambda session: leases.fail(session, held, error.code, error.detail))
        return error.code

    def _result(self, held: ItemLease) -> ItemResult:
        """Find or mask the faces of an item, and store what comes of it."""
        source = held.source_key or held.key
        if source is None:
            raise NotFound(leases.GONE)
        data = self._store.get(source)
        outcome = self._outcome(held, data)
        values = outcome.values | {"detections": outcome.detections(), "report": outcome.report}
        image = self._copied(held, data, outcome) if held.source_key else None
        if outcome.processed is None:
            return ItemResult(values, image=image)
        output_format = values["output_format"]
        key = objects.processed_key(held.image_id, held.job_id, output_format)
        self._store.put(key, outcome.processed, f"image/{output_format}")
        values |= {"processed_s3_key": key, "processed_size_bytes": len(outcome.processed)}
        return ItemResult(values, hashlib.sha256(outcome.processed).hexdigest(), image)

    def _outcome(self, held: ItemLease, data: bytes) -> JobOutcome:
        started = time.perf_counter()
        options = held.options
        if isinstance(options, MaskOptions):
            masked = self._own.mask(data, options)
            return outcomes.masked(masked, options, (time.perf_counter() - started) * 1000)
        report = self._own.detect(data, options)
        return outcomes.detected(report, options, (time.perf_counter() - started) * 1000)

    def _copied(self, held: ItemLease, data: bytes, outcome: JobOutcome) -> StoredImage:
        """Copy a picture of the bucket to where uploads are: what is deleted later is the copy, never the original."""
        header = images.probe(data, self._own.settings.max_image_pixels)
        key, content_type = objects.original_key(held.image_id, held.name), f"image/{header.format}"
        self._store.put(key, data, content_type)
        return StoredImage(
            id=held.image_id,
            filename=objects.safe_filename(held.name),
            content_type=content_type,
            size_bytes=len(data),
            width=outcome.width,
            height=outcome.height,
            s3_key=key,
            created_at=now(),
        )

    def retry_while_database_down(self, act: Callable[[Session], bool]) -> bool:
        """Write something down, again and again while the database can't be reached, for as long as a lease lasts."""
        give_up = time.monotonic() + self._lease_s
        while True:
            try:
                with self._sessions() as session:
                    return act(session)
            except DBAPIError as error:
                passing = isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated
                if not passing or time.monotonic() > give_up:
                    raise
                log.warning("the database can't be reached; trying again", error=type(error).__name__)
            time.sleep(AGAIN_AFTER_S)
