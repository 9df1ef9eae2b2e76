"""The state of the service as numbers: what waits in the database and in Redis, and whether they can be reached.

Asked for when Prometheus asks, by the one program that forks nothing. Who hangs keeps nobody waiting: a part that has
not answered is told as it was last, and after a second as one that is down.
"""

import shutil
import time
from collections.abc import Callable, Iterable, Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.orm import Session

from core.batches import lifecycle
from core.batches.videos import lifecycle as video_lifecycle
from core.config import Settings
from core.contract.states import BatchStatus, JobType, VideoStatus
from core.database.engine import SessionFactory
from core.engine import protocol
from core.errors import EngineUnavailable, StorageUnavailable
from core.observability.probes import Probe
from core.records import cleanups, statistics
from core.services import Services
from core.storage.base import ObjectStore
from core.webhooks import events

FRESH_S = 5.0  # chosen: less than Prometheus waits between two scrapes
WITHIN_S = 0.05  # chosen: what answers does so in a few milliseconds, and /metrics has a tenth of a second
HANGS_AFTER_S = 1.0
UNFINISHED_VIDEOS = (
    *(VideoStatus.QUEUED, VideoStatus.PROBING, VideoStatus.DETECTING),
    *(VideoStatus.LINKING, VideoStatus.RENDERING),
)
QUEUES = (protocol.INTERACTIVE, protocol.BATCHES, protocol.MAINTENANCE)


class ServicePart:
    """One part of the service. ask: returns its numbers; an error means that it is down."""

    def __init__(self, name: str, ask: Callable[[], list[Metric]]) -> None:
        self.name = name
        self._probe = Probe(ask, FRESH_S)
        self._known: list[Metric] | None = None

    def start(self) -> None:
        """Ask, without waiting."""
        self._probe.start()

    def numbers(self) -> list[Metric] | None:
        """Return what is known of it; None: it is down."""
        inquiry = self._probe.start()
        answer = inquiry.answer(WITHIN_S)
        if inquiry.future.done() or time.monotonic() - inquiry.began > HANGS_AFTER_S:
            self._known = answer
        return self._known


class ServiceCollector(Collector):
    """Collects the numbers of every part that is enabled."""

    def __init__(self, services: Services) -> None:
        sessions, store, settings = services.sessions, services.store, services.settings
        self._parts = [ServicePart("redis", lambda: list(_redis_numbers(services)))]
        if sessions is not None:
            self._parts.append(ServicePart("database", lambda: list(_database_numbers(sessions))))
        if store is not None:
            self._parts.append(ServicePart("storage", lambda: list(_storage_numbers(store, settings))))

    def collect(self) -> Iterable[Metric]:
        for part in self._parts:
            part.start()  # all at once: together they take no longer than one
        up = GaugeMetricFamily("face_api_up", "Whether a part of the service can be reached.", labels=["part"])
        for part in self._parts:
            numbers = part.numbers()
            up.add_metric([part.name], float(numbers is not None))
            yield from numbers or ()
        yield up


def _redis_numbers(services: Services) -> Iterator[Metric]:
    load = services.engine.load()
    yield _gauge("face_api_workers", "Workers that live.", load.workers)
    yield _gauge("face_api_worker_processes", "Processes of workers that live.", load.processes)
    yield _gauge("face_api_calls_waiting", "Calls that wait for a process of a worker.", load.waiting)
    yield _gauge("face_api_calls_running", "Calls that are worked on.", load.running)
    queues = GaugeMetricFamily("face_api_queue_messages", "Messages in a queue.", labels=["queue"])
    for queue in QUEUES:
        queues.add_metric([queue], services.redis.llen(queue))
    yield queues
    if not services.engine.shards_ready():
        raise EngineUnavailable("one of several Redis can't be reached")


def _database_numbers(sessions: SessionFactory) -> Iterator[Metric]:
    with sessions() as session:
        yield from _batch_numbers(session)
        yield _video_numbers(session)
        yield _gauge("face_api_webhooks_waiting", "Webhooks that are still to be delivered.", events.waiting(session))
        yield _gauge("face_api_cleanup_backlog", "Objects that are still to be deleted.", cleanups.count(session))
        oldest_s = cleanups.oldest_s(session)
        yield _gauge("face_api_cleanup_oldest_seconds", "Since when the oldest of them is to be deleted.", oldest_s)
        usage = statistics.read(session)
    yield _gauge("face_api_stored_images", "Images that are stored.", usage.total_images)
    yield _gauge("face_api_stored_bytes", "Bytes of all stored pictures.", usage.storage_used_bytes)
    jobs = GaugeMetricFamily("face_api_stored_jobs", "Jobs that are stored.", labels=["type"])
    for job_type in JobType:
        jobs.add_metric([job_type], usage.jobs_by_type.get(job_type, 0))
    yield jobs


def _batch_numbers(session: Session) -> Iterator[Metric]:
    batches = GaugeMetricFamily("face_api_batches", "Batches that have not finished.", labels=["status"])
    items = GaugeMetricFamily("face_api_batch_items", "Pictures of batches that are unfinished.", labels=["state"])
    found = {one.status: one for one in lifecycle.unfinished(session)}
    for status in (BatchStatus.OPEN, BatchStatus.RUNNING, BatchStatus.CANCELLED):
        batches.add_metric([status], found[status].batches if status in found else 0)
    items.add_metric(["queued"], sum(one.queued for one in found.values()))
    items.add_metric(["running"], sum(one.running for one in found.values()))
    yield from (batches, items)


def _video_numbers(session: Session) -> Metric:
    videos = GaugeMetricFamily("face_api_videos", "Videos that have not finished.", labels=["status"])
    found = video_lifecycle.unfinished(session)
    for status in UNFINISHED_VIDEOS:
        videos.add_metric([status], found.get(status, 0))
    return videos


def _storage_numbers(store: ObjectStore, settings: Settings) -> Iterator[Metric]:
    if not store.ready():
        raise StorageUnavailable
    if settings.s3_endpoint:
        return
    disk = shutil.disk_usage(settings.var_dir)
    yield _gauge("face_api_disk_free_bytes", "Free bytes of the disk that holds the pictures.", disk.free)
    yield _gauge("face_api_disk_size_bytes", "Bytes of that disk.", disk.total)


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(name, meaning, value)
