"""The tasks of calls: each is a view of the queue."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from celery import Task, shared_task

from core.contract.options import ManualMaskOptions, ResolvedDetectOptions, ResolvedMaskOptions
from core.engine.messages import WaitingCall
from core.errors import EngineUnavailable, FaceApiError, InternalError
from core.observability import logs, metrics, traces
from core.pictures import thumbnails
from worker import activity, current_calls, picture_metrics, runtime
from worker.runtime import CpuClock, Runtime

log = logs.get(__name__)
Options = dict[str, object]

# So long a task goes on with the calls that wait; then the worker's main process sees it end.
# chosen: with what the last of them takes within the margin of the task's time limit, see EXPIRY_MARGIN_S
TURN_S = 1.0


@dataclass(frozen=True)
class Turn:
    """How long a task goes on with calls that wait. until: by time.monotonic()."""

    until: float

    @property
    def goes_on(self) -> bool:
        return time.monotonic() < self.until


ONE_CALL = Turn(0.0)
# Answers a call, and takes the next while the turn goes on: with the answer, which saves a question to Redis.
Job = Callable[[Runtime, bytes, CpuClock], WaitingCall | None]


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
        alone = runtime.get().heartbeat.process.places == 1
        turn = Turn(time.monotonic() + TURN_S) if alone else ONE_CALL
        call = self.run(token, options, turn)
        while call is not None:
            current_calls.shared().begin(str(self.request.id), call)
            runtime.heap_trimmer().trim_if_grown()
            call = answer_waiting(call, turn)


@shared_task(name="detect_image", base=CallTask)
def detect_image(token: str, options: Options, turn: Turn = ONE_CALL) -> WaitingCall | None:
    """Find the faces of a waiting call's picture."""
    resolved = ResolvedDetectOptions.model_validate(options)

    def job(runtime: Runtime, data: bytes, clock: CpuClock) -> WaitingCall | None:
        report = runtime.detect(data, resolved)
        return runtime.engine.answer_report(token, report, runtime.cost_s(clock), take_next=turn.goes_on)

    return _work("detect", token, job, turn)


@shared_task(name="mask_image", base=CallTask)
def mask_image(token: str, options: Options, turn: Turn = ONE_CALL) -> WaitingCall | None:
    """Mask a waiting call's picture."""
    resolved = ResolvedMaskOptions.model_validate(options)

    def job(runtime: Runtime, data: bytes, clock: CpuClock) -> WaitingCall | None:
        masked = runtime.mask(data, resolved)
        return runtime.engine.answer_masked(token, masked, runtime.cost_s(clock), take_next=turn.goes_on)

    return _work("mask", token, job, turn)


@shared_task(name="mask_manually", base=CallTask)
def mask_manually(token: str, options: Options, turn: Turn = ONE_CALL) -> WaitingCall | None:
    """Mask those faces of a waiting call's picture that a person has marked."""
    marked = ManualMaskOptions.model_validate(options)

    def job(runtime: Runtime, data: bytes, clock: CpuClock) -> WaitingCall | None:
        masked = runtime.mask_manually(data, marked)
        return runtime.engine.answer_masked(token, masked, runtime.cost_s(clock), take_next=turn.goes_on)

    return _work("manual_mask", token, job, turn)


@shared_task(name="thumbnail_image", base=CallTask)
def thumbnail_image(token: str, options: Options, turn: Turn = ONE_CALL) -> WaitingCall | None:
    """Make a thumbnail of a waiting call's picture: strangers' files are decoded nowhere but here."""
    side = int(str(options["side"]))

    def job(runtime: Runtime, data: bytes, clock: CpuClock) -> WaitingCall | None:
        runtime.refuse_heic(data)
        thumbnail = thumbnails.make(data, side, runtime.settings.max_image_pixels)
        return runtime.engine.answer_thumbnail(token, thumbnail, runtime.cost_s(clock), take_next=turn.goes_on)

    return _work("thumbnail", token, job, turn)


def answer_waiting(call: WaitingCall, turn: Turn = ONE_CALL) -> WaitingCall | None:
    """Answer a call that this process has taken from the queue itself, in the middle of something else.

    Return the next, which was taken while the turn goes on.
    """
    request_id, traced = logs.bound_request(), traces.carrier()
    logs.bind_request(call.request_id or None)
    traces.resume(call.trace)
    picture_metrics.count_wait(call.task, call.sent_at)
    try:
        following: WaitingCall | None = CALLS[call.task].run(call.token, call.options, turn)
    except Exception:
        log.exception("task_failed")  # what it can be told, its caller has been told
        following = None
    finally:
        logs.bind_request(request_id)
        traces.resume(traced)
    return following


CALLS = {
    "detect_image": detect_image,
    "mask_image": mask_image,
    "mask_manually": mask_manually,
    "thumbnail_image": thumbnail_image,
}


@dataclass(frozen=True)
class Done:
    """What became of a call, how large its picture was, and the call that was taken after it."""

    outcome: str
    size: int = 0
    next: WaitingCall | None = None


def _work(kind: str, token: str, job: Job, turn: Turn) -> WaitingCall | None:
    """Do a call's job if its caller still waits, and send the answer or the error; return the next call."""
    started = time.perf_counter()
    process = runtime.get()
    with traces.span(f"work on {kind}") as span:
        try:
            done = _answered(process, token, job, turn)
        except EngineUnavailable as error:  # the Redis of this call is down, and its caller finds that out itself
            log.warning("call_not_answered", error=logs.reason(error))
            done = Done(error.code)
        span.tell(outcome=done.outcome, bytes=done.size)
    ms = round((time.perf_counter() - started) * 1000, 2)
    metrics.count(metrics.TASKS, kind, done.outcome)
    log.info("task_finished", kind=kind, outcome=done.outcome, bytes=done.size, ms=ms)
    return done.next


def _answered(process: Runtime, token: str, job: Job, turn: Turn) -> Done:
    data = process.engine.take(token, process.heartbeat.process.name)
    if data is None:
        return Done("dropped", next=process.engine.next_waiting_call() if turn.goes_on else None)
    try:
        return Done("ok", len(data), job(process, data, CpuClock()))
    except FaceApiError as error:
        failure = error
    except Exception:
        log.exception("task_failed")
        failure = InternalError()
    return Done(failure.code, len(data), process.engine.answer_error(token, failure, take_next=turn.goes_on))
