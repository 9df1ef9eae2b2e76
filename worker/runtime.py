"""What a worker process holds: made once per process, after the fork."""

import threading
import time
from dataclasses import dataclass
from functools import cache

import cv2

from core import config, services
from core.config import Settings
from core.contract.options import ManualMaskOptions, ResolvedDetectOptions, ResolvedMaskOptions
from core.contract.reports import DetectionReport, MaskedImage
from core.engine.client import EngineClient
from core.engine.heartbeats import WorkerStatus, new_name
from core.observability import logs, metrics
from core.pictures import headers
from core.services import Services
from core.system import memory
from core.vision import detector, pipeline, regions
from core.vision.detector import Detector
from core.vision.regions import MaskPolicy
from core.weights import versions
from core.weights.versions import ModelVersion
from worker import activity, picture_metrics
from worker.heartbeats import Heartbeat

log = logs.get(__name__)
# Two first uses at once, the start-up thread's and a task's, must not load the model twice.
_loading = threading.Lock()

# chosen: a process rests at half of the 300 MB that it may take; trimming more often costs more than it returns
HEAP_GROWTH_BYTES = 96 * 2**20


class CpuClock:
    """Measures a job from now on: wall_s, and cpu_s of all threads of this process."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    @property
    def wall_s(self) -> float:
        return time.perf_counter() - self._wall

    @property
    def cpu_s(self) -> float:
        return time.process_time() - self._cpu


@dataclass(frozen=True)
class Runtime:
    """What a worker process owns: its clients and its loaded model."""

    services: Services
    detector: Detector
    heartbeat: Heartbeat

    @property
    def settings(self) -> Settings:
        return self.services.settings

    @property
    def engine(self) -> EngineClient:
        return self.services.engine

    @property
    def mask_policy(self) -> MaskPolicy:
        """How weak a mask may be."""
        return regions.AS_ASKED if self.settings.allow_weak_masks else regions.STRONG

    def refuse_heic(self, data: bytes) -> None:
        """Refuse a HEIC where that is switched off: one of the bucket, or one that was stored before."""
        if not self.settings.heic_enabled:
            headers.probe(data, self.settings.max_image_pixels, heic=False)

    def detect(self, data: bytes, options: ResolvedDetectOptions) -> DetectionReport:
        """Find the faces of a picture."""
        self.refuse_heic(data)
        report = pipeline.detect(data, options, self.detector, self.settings.max_image_pixels)
        picture_metrics.count_detected(report)
        return report

    def mask(self, data: bytes, options: ResolvedMaskOptions) -> MaskedImage:
        """Mask the faces of a picture."""
        self.refuse_heic(data)
        masked = pipeline.mask(data, options, self.detector, self.settings.max_image_pixels, self.mask_policy)
        picture_metrics.count_masked(masked)
        return masked

    def mask_manually(self, data: bytes, options: ManualMaskOptions) -> MaskedImage:
        """Mask the faces of a picture that a person has marked."""
        self.refuse_heic(data)
        masked = pipeline.mask_manually(data, options, self.settings.max_image_pixels, self.mask_policy)
        picture_metrics.count_masked(masked)
        return masked

    def cost_s(self, since: CpuClock) -> float:
        """Return how long a job that began then occupies this process while the others work, too.

        One that ran beside idle processes was helped by their CPUs, which a busy worker has not.
        """
        if self.heartbeat.process.places > 1:  # threads: the CPU's time is of all of them
            return since.wall_s
        available = activity.shared().cpus
        return max(since.wall_s, since.cpu_s * (self.settings.worker_processes or available) / available)


def get() -> Runtime:
    """Return this process's runtime, loading the model on first use."""
    with _loading:
        return _load()


@cache
def _load() -> Runtime:
    settings = config.load()
    # OpenCV's own threads would compete with the other processes of the worker.
    cv2.setNumThreads(detector.threads(settings))
    loaded = detector.load(version(), settings, activity.shared().idle_cpus)
    made = services.build(settings)
    name = f"{worker_name()}.{new_name()}"
    runtime = Runtime(made, loaded, Heartbeat(made.engine, name, _status(loaded)))
    metrics.set_gauge(metrics.MODEL, 1, loaded.name, loaded.precision, loaded.runtime)
    log.info(
        "model_loaded",
        model=loaded.name,
        precision=loaded.precision,
        runtime=loaded.runtime,
        threads=detector.threads(settings),
    )
    return runtime


def _status(loaded: Detector) -> WorkerStatus:
    return WorkerStatus(
        model=loaded.name,
        input_size=loaded.input_size,
        supports_landmarks=loaded.supports_landmarks,
        precision=loaded.precision,
        runtime=loaded.runtime,
    )


@cache
def worker_name() -> str:
    """Make up a name for this worker, once: called before the fork, its processes inherit it."""
    return new_name()


@cache
def version() -> ModelVersion:
    """Choose the version of the model, once per worker: called before the fork, its processes inherit it."""
    return versions.run_chooser()


@cache
def heap_trimmer() -> memory.HeapTrimmer:
    """Return this process's trimmer of its heap; the first call sets it up."""
    return memory.HeapTrimmer(HEAP_GROWTH_BYTES)


def start(places: int = 1) -> None:
    """Begin to load the model without making the fork wait: Celery gives a new process 4 seconds.

    places: how many calls the process works on at a time.
    """
    threading.Thread(target=_start, args=(places,), name="load-model", daemon=True).start()


def _start(places: int) -> None:
    try:
        get().heartbeat.start(places)
    except Exception:
        log.exception("model_not_loaded")
