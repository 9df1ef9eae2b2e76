"""The task that works on videos: it takes the next step of any, and says what became of it."""

import time
from collections.abc import Callable
from typing import Any

from celery import Task, shared_task
from sqlalchemy.exc import SQLAlchemyError

from core.batches.videos import reaping, steps
from core.batches.videos.steps import StepLease, StepResult
from core.contract.states import StepKind
from core.engine.client import EngineClient
from core.errors import DatabaseUnavailable, FaceApiError, InternalError, Unavailable
from core.observability import logs, metrics, traces
from core.records.results import ResultStore
from worker import runtime
from worker.leases import SUPERSEDED, LeaseKeeper, LeaseLost, reap_dead_task
from worker.runtime import Runtime
from worker.videos import joining, linking, rendering, searching
from worker.videos.steps import Work
from worker.videos.turns import Turns

log = logs.get(__name__)

TELL_EVERY_S = 2.0  # chosen: so often a caller sees progress, and a cancelled video's workers notice it

STEPS: dict[StepKind, Callable[[Work], StepResult]] = {
    StepKind.PROBE: searching.probe,
    StepKind.DETECT: searching.detect,
    StepKind.LINK: linking.link,
    StepKind.RENDER: rendering.render,
    StepKind.JOIN: joining.join,
}


@shared_task(name="work_video", bind=True)
def work_video(self: "Task[Any, Any]") -> None:
    """Work on the next step of a video, if one waits."""
    process = runtime.get()
    results = process.services.results
    if results is None:
        return
    started = time.perf_counter()
    try:
        with results.sessions() as session:
            lease = steps.take(session, str(self.request.id), process.settings.batch_lease_s)
    except SQLAlchemyError as error:
        log.warning("lease_not_taken", error=logs.reason(error))
        return
    if lease is None:
        return
    process.engine.wake_video_workers()  # others may wait
    worker = VideoWorker(process, results)
    with traces.span(f"video {lease.kind.value}") as span:
        outcome = worker.work(lease)
        span.tell(outcome=outcome, frames=worker.frames_done)
    process.engine.wake_video_workers()  # the last step of a kind is followed by others
    process.engine.wake_webhook_delivery()
    seconds = time.perf_counter() - started
    _count(lease, outcome, seconds, worker.frames_done)
    ms = round(seconds * 1000, 2)
    log.info("video_step_finished", kind=lease.kind.value, outcome=outcome, attempt=lease.attempts, ms=ms)


def _count(lease: StepLease, outcome: str, seconds: float, frames: int) -> None:
    kind = lease.kind.value
    metrics.count(metrics.TASKS, "video", outcome)
    metrics.count(metrics.VIDEO_STEPS, kind, outcome)
    metrics.count(metrics.VIDEO_FRAMES, kind, amount=frames)
    metrics.observe(metrics.VIDEO_STEP_SECONDS, seconds, kind)
    metrics.observe(metrics.VIDEO_WAIT_SECONDS, lease.waited_s, kind)


def reap_task(task_id: str) -> None:
    """Give the step of a task whose process died to another worker."""
    reap_dead_task(task_id, reaping.reap_expired_leases, EngineClient.wake_video_workers)


class VideoWorker:
    """Works on one step of a video that this process holds a lease of."""

    def __init__(self, runtime: Runtime, results: ResultStore) -> None:
        self._runtime, self._results = runtime, results
        self._lease_s = runtime.settings.batch_lease_s
        self._keeper = LeaseKeeper(results.sessions, self._lease_s)
        self._turns = Turns(runtime.engine, self._keeper, runtime.settings.batch_item_timeout_s)

    @property
    def frames_done(self) -> int:
        """Return how many frames were read, of a segment that was rendered again more than once."""
        return self._turns.frames_done

    def work(self, lease: StepLease) -> str:
        """Do a step and store that it is done; return the outcome as a code."""
        try:
            with self._keeper.heartbeat(lambda session: self._extend(session, lease), TELL_EVERY_S):
                work = Work(lease, self._runtime, self._results.objects, self._results.sessions, self._turns)
                result = STEPS[lease.kind](work)
                self._keeper.check()
            return "ok" if self._complete(lease, result) else SUPERSEDED
        except LeaseLost:
            return SUPERSEDED
        except Unavailable as error:
            log.warning("video_step_postponed", error=logs.reason(error))
            self._keeper.write(lambda session: steps.requeue_later(session, lease))
            return error.code
        except FaceApiError as error:
            return self._fail(lease, error)
        except SQLAlchemyError:
            # The lease runs out, and another worker tries.
            log.exception("video_step_not_stored")
            return DatabaseUnavailable.code
        except Exception:
            log.exception("video_step_failed")
            return self._fail(lease, InternalError())

    def _complete(self, lease: StepLease, result: StepResult) -> bool:
        if lease.kind == StepKind.JOIN:
            return self._keeper.write(lambda session: steps.finish(session, lease, result))
        return self._keeper.write(lambda session: steps.complete(session, lease, result))

    def _fail(self, lease: StepLease, error: FaceApiError) -> str:
        self._keeper.write(lambda session: steps.fail(session, lease, error.code, error.detail))
        return error.code

    def _extend(self, session: Any, lease: StepLease) -> bool:
        self._turns.end_if_stuck()
        return steps.extend(session, lease, self._lease_s, self._turns.frames_done)
