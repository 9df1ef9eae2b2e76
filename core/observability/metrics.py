"""The numbers that web, worker and maintenance count, as Prometheus reads them; docs/operations.md explains each.

Labels have few values: never a name of a file, an id or a word of a caller's. Every number has one, because what has
none is made on import, before it is known where it is counted: see metric_files.py.
"""

from functools import cache

from prometheus_client import Counter, Gauge, Histogram

from core.contract.states import StepKind
from core.observability import logs

log = logs.get(__name__)

# chosen: from a small picture's decoding to the longest call
STEP_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
REQUEST_BUCKETS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
NO_ROUTE = "unknown"  # of requests that lead nowhere: their paths are their callers' words
NOT_READ = "not read"  # of requests that the server refused before anybody looked where they lead
OTHER = "other"

REQUESTS = Counter(
    "face_api_requests",
    "Requests that were answered.",
    ("route", "method", "status", "scope"),
    registry=None,
)
REQUEST_SECONDS = Histogram(
    "face_api_request_duration_seconds",
    "From a request's head to the beginning of its answer.",
    ("route", "method"),
    registry=None,
    buckets=REQUEST_BUCKETS,
)
ERRORS = Counter("face_api_errors", "Requests that were answered with an error.", ("code",), registry=None)
DROPPED_CLIENTS = Counter(
    "face_api_dropped_clients", "Clients that were disconnected without an answer.", ("reason",), registry=None
)
UNKEPT_RESULTS = Counter(
    "face_api_unkept_results", "Calls that were answered and could not be stored.", ("cause",), registry=None
)
TASKS = Counter("face_api_tasks", "Pictures that a worker has worked on.", ("task", "outcome"), registry=None)
LOST_TASKS = Counter("face_api_lost_tasks", "Tasks whose process died.", ("task",), registry=None)
QUEUE_WAIT_SECONDS = Histogram(
    "face_api_queue_wait_seconds",
    "How long a call waited in the queue.",
    ("task",),
    registry=None,
    buckets=STEP_BUCKETS,
)
STEP_SECONDS = Histogram(
    "face_api_step_duration_seconds",
    "How long a step of the work on one picture took.",
    ("step",),
    registry=None,
    buckets=STEP_BUCKETS,
)
# chosen: from linking a short video to a segment of 4K on a slow CPU
VIDEO_BUCKETS = (1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0)
VIDEO_STEPS = Counter(
    "face_api_video_steps", "Steps of videos that a worker has worked on.", ("kind", "outcome"), registry=None
)
VIDEO_STEP_SECONDS = Histogram(
    "face_api_video_step_duration_seconds",
    "How long a step of a video took.",
    ("kind",),
    registry=None,
    buckets=VIDEO_BUCKETS,
)
VIDEO_WAIT_SECONDS = Histogram(
    "face_api_video_step_wait_seconds",
    "How long a step of a video waited for a worker.",
    ("kind",),
    registry=None,
    buckets=VIDEO_BUCKETS,
)
VIDEO_FRAMES = Counter(
    "face_api_video_frames", "Frames that were read, by the step that read them.", ("kind",), registry=None
)
FACES = Counter("face_api_faces", "Faces that were found.", ("kind",), registry=None)
MODEL = Gauge(
    "face_api_model_info",
    "The model that the processes of this worker have loaded.",
    ("model", "precision", "runtime"),
    registry=None,
    multiprocess_mode="max",
)
LEASE_EXPIRIES = Counter(
    "face_api_lease_expiries", "Items of batches whose worker died or fell silent.", ("outcome",), registry=None
)
WEBHOOK_ATTEMPTS = Counter("face_api_webhook_attempts", "Attempts to deliver a webhook.", ("outcome",), registry=None)
KINDS = ("detect", "mask", "manual_mask", "thumbnail", "batch", "video")  # of tasks
# What alerts look at begins at 0: Prometheus sees no increase in a series that begins at 1.
FROM_ZERO: dict[str, tuple[tuple[Counter, tuple[str, ...]], ...]] = {
    "web": (
        (UNKEPT_RESULTS, ("storage",)),
        (UNKEPT_RESULTS, ("database",)),
        *((ERRORS, (code,)) for code in ("internal_error", "queue_full", "engine_unavailable", "job_timed_out")),
    ),
    "worker": (
        *((TASKS, (task, outcome)) for task in ("mask", "batch", "video") for outcome in ("ok", "residual_face")),
        *((TASKS, (task, "internal_error")) for task in KINDS),
        *((LOST_TASKS, (task,)) for task in KINDS),
        *((VIDEO_STEPS, (kind, "ok")) for kind in StepKind),
        *((LEASE_EXPIRIES, (outcome,)) for outcome in ("queued", "failed")),
    ),
    "maintenance": (
        *((LEASE_EXPIRIES, (outcome,)) for outcome in ("queued", "failed")),
        *((WEBHOOK_ATTEMPTS, (outcome,)) for outcome in ("delivered", "failed")),
    ),
}


def begin_at_zero(program: str) -> None:
    """Have what alerts look at begin at 0."""
    for metric, labels in FROM_ZERO[program]:
        count(metric, *labels, amount=0)


def count(metric: Counter, *labels: str, amount: float = 1) -> None:
    """Add to a counter. What is counted goes on when that fails."""
    try:
        metric.labels(*labels).inc(amount)
    except OSError as error:
        _warn(logs.reason(error))


def observe(metric: Histogram, seconds: float, *labels: str) -> None:
    """Add a time to a histogram. What is measured goes on when that fails."""
    try:
        metric.labels(*labels).observe(seconds)
    except OSError as error:
        _warn(logs.reason(error))


def set_gauge(metric: Gauge, value: float, *labels: str) -> None:
    """Set a gauge."""
    try:
        metric.labels(*labels).set(value)
    except OSError as error:
        _warn(logs.reason(error))


@cache
def _warn(reason: str) -> None:
    """Say once per process that its numbers are not counted: their folder is gone, or its disk is full."""
    log.warning("metrics_not_counted", reason=reason)
