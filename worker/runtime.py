"""What a worker process holds: made once per process, after the fork."""

import threading
import time
from dataclasses import dataclass, field
from functools import cache

import cv2
from redis.exceptions import RedisError

from core import config, logs, memory, services
from core.config import Settings
from core.contract.options import ManualMaskOptions, ResolvedDetectOptions, ResolvedMaskOptions
from core.contract.reports import DetectionReport, MaskedImage
from core.engine.client import EngineClient, WorkerStatus
from core.services import Services
from core.vision import detector, pipeline, regions
from core.vision.detector import Detector
from core.vision.regions import MaskPolicy
from core.weights import versions
from core.weights.versions import ModelVersion
from worker import activity

log = logs.get(__name__)
# Two first uses at once, the start-up thread's and a task's, must not load the model twice.
_loading = threading.Lock()
PUBLISHED_EVERY_S = 2.0  # chosen: often enough for WORKER_STATUS_TTL_S, and no Redis call after each task

# chosen: a process rests at half of the 300 MB that it may take; trimming more often costs more than it returns
HEAP_GROWTH_BYTES = 96 * 2**20


@dataclass
class Runtime:
    """What a worker process owns: its clients and its loaded model."""

    services: Services
    detector: Detector
    _published_at: float = field(default=0.0, init=False)

    def publish_status_if_due(self) -> None:
        """Publish the status if that was some time ago."""
        if time.monotonic() - self._published_at > PUBLISHED_EVERY_S:
            self.publish_status()

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

    def detect(self, data: bytes, options: ResolvedDetectOptions) -> DetectionReport:
        """Find the faces of a picture."""
        with activity.shared().working():
            return pipeline.detect(data, options, self.detector, self.settings.max_image_pixels)

    def mask(self, data: bytes, options: ResolvedMaskOptions) -> MaskedImage:
        """Mask the faces of a picture."""
        with activity.shared().working():
            return pipeline.mask(data, options, self.detector, self.settings.max_image_pixels, self.mask_policy)

    def mask_manually(self, data: bytes, options: ManualMaskOptions) -> MaskedImage:
        """Mask the faces of a picture that a person has marked."""
        return pipeline.mask_manually(data, options, self.settings.max_image_pixels, self.mask_policy)

    def publish_status(self) -> None:
        """Publish that this worker is ready."""
        self._published_at = time.monotonic()
        loaded = self.detector
        self.engine.publish_status(
            WorkerStatus(
                model=loaded.name,
                input_size=loaded.input_size,
                supports_landmarks=loaded.supports_landmarks,
                precision=loaded.precision,
                runtime=loaded.runtime,
            )
        )


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
    runtime = Runtime(services.build(settings), loaded)
    log.info(
        "model_loaded",
        model=loaded.name,
        precision=loaded.precision,
        runtime=loaded.runtime,
        threads=detector.threads(settings),
    )
    return runtime


@cache
def version() -> ModelVersion:
    """Choose the version of the model, once per worker: called before the fork, its processes inherit it."""
    return versions.run_chooser()


@cache
def heap_trimmer() -> memory.HeapTrimmer:
    """Return this process's trimmer of its heap; the first call sets it up."""
    return memory.HeapTrimmer(HEAP_GROWTH_BYTES)


def start() -> None:
    """Begin to load the model without making the fork wait: Celery gives a new process 4 seconds."""
    threading.Thread(target=_start, name="load-model", daemon=True).start()


def _start() -> None:
    try:
        get().publish_status()
    except RedisError as error:
        log.warning("worker_status_not_published", error=logs.reason(error))
    except Exception:
        log.exception("model_not_loaded")
