"""The tasks of calls: each is a view of the queue."""

import time
from collections.abc import Callable

from celery import shared_task

from core.contract.options import ManualMaskOptions, ResolvedDetectOptions, ResolvedMaskOptions
from core.engine.client import EngineClient
from core.errors import EngineUnavailable, FaceApiError, InternalError
from core.observability import logs, metrics, traces
from core.pictures import thumbnails
from worker import runtime
from worker.runtime import CpuClock, Runtime

log = logs.get(__name__)
Options = dict[str, object]
Job = Callable[[Runtime, bytes, CpuClock], None]


@shared_task(name="detect_image")
def detect_image(token: str, options: Options) -> None:
    """Find the faces of a waiting call's picture."""
    resolved = ResolvedDetectOptions.model_validate(options)

    def job(runtime: Runtime, data: bytes, clock: CpuClock) -> None:
        report = runtime.detect(data, resolved)
        runtime.engine.answer_report(token, report, runtime.cost_s(clock))

    _work("detect", token, job)


@shared_task(name="mask_image")
def mask_image(token: str, options: Options) -> None:
    """Mask a waiting call's picture."""
    resolved = ResolvedMaskOptions.model_validate(options)

    def job(runtime: Runtime, data: bytes, clock: CpuClock) -> None:
        masked = runtime.mask(data, resolved)
        runtime.engine.answer_masked(token, masked, runtime.cost_s(clock))

    _work("mask", token, job)


@shared_task(name="mask_manually")
def mask_manually(token: str, options: Options) -> None:
    """Mask those faces of a waiting call's picture that a person has marked."""
    marked = ManualMaskOptions.model_validate(options)

    def job(runtime: Runtime, data: bytes, clock: CpuClock) -> None:
        masked = runtime.mask_manually(data, marked)
        runtime.engine.answer_masked(token, masked, runtime.cost_s(clock))

    _work("manual_mask", token, job)


@shared_task(name="thumbnail_image")
def thumbnail_image(token: str, options: Options) -> None:
    """Make a thumbnail of a waiting call's picture: strangers' files are decoded nowhere but here."""
    side = int(str(options["side"]))

    def job(runtime: Runtime, data: bytes, clock: CpuClock) -> None:
        runtime.refuse_heic(data)
        thumbnail = thumbnails.make(data, side, runtime.settings.max_image_pixels)
        runtime.engine.answer_thumbnail(token, thumbnail, runtime.cost_s(clock))

    _work("thumbnail", token, job)


def _work(kind: str, token: str, job: Job) -> None:
    """Do a call's job if its caller still waits, and send the answer or the error."""
    started = time.perf_counter()
    process = runtime.get()
    with traces.span(f"work on {kind}") as span:
        try:
            outcome, size = _answered(process, token, job)
        except EngineUnavailable as error:  # the Redis of this call is down, and its caller finds that out itself
            log.warning("call_not_answered", error=logs.reason(error))
            outcome, size = error.code, 0
        span.tell(outcome=outcome, bytes=size)
    ms = round((time.perf_counter() - started) * 1000, 2)
    metrics.count(metrics.TASKS, kind, outcome)
    log.info("task_finished", kind=kind, outcome=outcome, bytes=size, ms=ms)


def _answered(process: Runtime, token: str, job: Job) -> tuple[str, int]:
    data = process.engine.take(token, process.heartbeat.process.name)
    if data is None:
        return "dropped", 0
    return _outcome(process.engine, token, lambda: job(process, data, CpuClock())), len(data)


def _outcome(engine: EngineClient, token: str, job: Callable[[], None]) -> str:
    try:
        job()
    except FaceApiError as error:
        engine.answer_error(token, error)
        return error.code
    except Exception:
        log.exception("task_failed")
        engine.answer_error(token, InternalError())
        return InternalError.code
    return "ok"
