"""The tasks: each is a view of the queue."""

import time
from collections.abc import Callable

from celery import shared_task

from core import logs
from core.contract.options import DetectOptions, ManualMaskOptions, MaskOptions
from core.engine.client import EngineClient
from core.errors import FaceApiError, InternalError
from core.pictures import thumbnails
from core.vision import pipeline
from core.vision.given_faces import GivenFaces
from worker import runtime
from worker.runtime import Runtime

log = logs.get(__name__)
Options = dict[str, object]
Job = Callable[[Runtime, bytes], None]


@shared_task(name="detect_image")
def detect_image(token: str, options: Options) -> None:
    """Find the faces of a waiting call's picture."""
    wanted = DetectOptions.model_validate(options)

    def job(own: Runtime, data: bytes) -> None:
        own.engine.answer_report(token, own.detect(data, wanted))

    _work("detect", token, job)


@shared_task(name="mask_image")
def mask_image(token: str, options: Options) -> None:
    """Mask a waiting call's picture."""
    wanted = MaskOptions.model_validate(options)

    def job(own: Runtime, data: bytes) -> None:
        own.engine.answer_masked(token, own.mask(data, wanted))

    _work("mask", token, job)


@shared_task(name="mask_by_hand")
def mask_by_hand(token: str, options: Options) -> None:
    """Mask those faces of a waiting call's picture that a person has pointed at."""
    wanted = ManualMaskOptions.model_validate(options)

    def job(own: Runtime, data: bytes) -> None:
        masked = pipeline.mask(data, wanted, GivenFaces(wanted.faces), own.settings.max_image_pixels, own.floor)
        own.engine.answer_masked(token, masked)

    _work("mask by hand", token, job)


@shared_task(name="thumbnail_image")
def thumbnail_image(token: str, options: Options) -> None:
    """Make a waiting call's picture small: a picture of strangers is decoded nowhere but here."""
    side = int(str(options["side"]))

    def job(own: Runtime, data: bytes) -> None:
        own.engine.answer_thumbnail(token, thumbnails.make(data, side, own.settings.max_image_pixels))

    _work("thumbnail", token, job)


@shared_task(name="report_ready")
def report_ready() -> None:
    """Say that this worker takes tasks; a worker that no longer consumes falls silent."""
    runtime.get().publish_status()


def _work(kind: str, token: str, job: Job) -> None:
    """Do a call's job if its caller still waits, and answer with what came of it."""
    started = time.perf_counter()
    own = runtime.get()
    data = own.engine.take(token)
    if data is None:
        log.info("task", kind=kind, outcome="dropped")
        return
    outcome = _outcome(own.engine, token, lambda: job(own, data))
    # The regular heartbeat waits behind the calls, and under load it comes too late.
    own.publish_status_if_due()
    log.info("task", kind=kind, outcome=outcome, bytes=len(data), ms=round((time.perf_counter() - started) * 1000, 2))


def _outcome(queue: EngineClient, token: str, job: Callable[[], None]) -> str:
    try:
        job()
    except FaceApiError as error:
        queue.answer_error(token, error)
        return error.code
    except Exception:
        log.exception("a task failed")
        queue.answer_error(token, InternalError())
        return InternalError.code
    return "ok"
