"""The tasks of calls: each is a view of the queue."""

import time
from collections.abc import Callable

from celery import Task, shared_task

from core.contract.options import ManualMaskOptions, ResolvedDetectOptions, ResolvedMaskOptions
from core.engine.client import EngineClient
from core.engine.messages import WaitingCall
from core.errors import EngineUnavailable, FaceApiError, InternalError
from core.observability import logs, metrics, traces
from core.pictures import thumbnails
from worker import activity, current_calls, picture_metrics, runtime
from worker.runtime import CpuClock, Runtime

log = logs.get(__name__)
Options = dict[str, object]
Job = Callable[[Runtime, bytes, CpuClock], None]

# So long a task goes on with the calls that wait; then the worker's main process sees it end.
# chosen: with what the last of them takes within the margin of the task's time limit, see EXPIRY_MARGIN_S
TURN_S = 1.0


class CallTask(Task):  # type: ignore[type-arg]  # it takes none when it runs
    """A call, and after it those that wait: handed over by the main process, each would cost a tenth more.

    Only in a process of a pool: the threads of one process have but one place among the current calls.
    """

    def __call__(self, token: str, options: Options) -> None:
        """Answer the call, then others for as long as a turn lasts."""
        # Between its calls, too: a run that takes the CPU of a process which goes on at once costs both of them more.
        with activity.shared().working():
            self._take_turn(token, options)

    def _take_turn(self, token: str, options: Options) -> None:
        began = time.monotonic()
        self.run(token, options)
        process = runtime.get()
        while process.heartbeat.process.places == 1 and time.monotonic() - began < TURN_S:
            call = process.engine.next_waiting_call()
            if call is None:
                return
            runtime.heap_trimmer().trim_if_grown()
            current_calls.shared().begin(str(self.request.id), call)
            answer_waiting(call)


@shared_task(name="detect_image", base=CallTask)
def detect_image(token: str, options: Options) -> None:
    """Find the faces of a waiting call's picture."""
    resolved = ResolvedDetectOptions.model_validate(options)

    def job(runtime: Runtime, data: bytes, clock: CpuClock) -> None:
        report = runtime.detect(data, resolved)
        runtime.engine.answer_report(token, report, runtime.cost_s(clock))

    _work("detect", token, job)


@shared_task(name="mask_image", base=CallTask)
def mask_image(token: str, options: Options) -> None:
    """Mask a waiting call's picture."""
    resolved = ResolvedMaskOptions.model_validate(options)

    def job(runtime: Runtime, data: bytes, clock: CpuClock) -> None:
        masked = runtime.mask(data, resolved)
        runtime.engine.answer_masked(token, masked, runtime.cost_s(clock))

    _work("mask", token, job)


@shared_task(name="mask_manually", base=CallTask)
def mask_manually(token: str, options: Options) -> None:
    """Mask those faces of a waiting call's picture that a person has marked."""
    marked = ManualMaskOptions.model_validate(options)

    def job(runtime: Runtime, data: bytes, clock: CpuClock) -> None:
        masked = runtime.mask_manually(data, marked)
        runtime.engine.answer_masked(token, masked, runtime.cost_s(clock))

    _work("manual_mask", token, job)


@shared_task(name="thumbnail_image", base=CallTask)
def thumbnail_image(token: str, options: Options) -> None:
    """Make a thumbnail of a waiting call's picture: strangers' files are decoded nowhere but here."""
    side = int(str(options["side"]))

    def job(runtime: Runtime, data: bytes, clock: CpuClock) -> None:
        runtime.refuse_heic(data)
        thumbnail = thumbnails.make(data, side, runtime.settings.max_image_pixels)
        runtime.engine.answer_thumbnail(token, thumbnail, runtime.cost_s(clock))

    _work("thumbnail", token, job)


def answer_waiting(call: WaitingCall) -> None:
    """Answer a call that this process has taken from the queue itself, in the middle of something else."""
    request_id, traced = logs.bound_request(), traces.carrier()
    logs.bind_request(call.request_id or None)
    traces.resume(call.trace)
    picture_metrics.count_wait(call.task, call.sent_at)
    try:
        CALLS[call.task].run(call.token, call.options)
    except Exception:
        log.exception("task_failed")  # what it can be told, its caller has been told
    finally:
        logs.bind_request(request_id)
        traces.resume(traced)


CALLS = {
    "detect_image": detect_image,
    "mask_image": mask_image,
    "mask_manually": mask_manually,
    "thumbnail_image": thumbnail_image,
}


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
