"""The worker's Celery app, for calls and batches: `celery -A worker.app worker`."""

from contextlib import suppress
from typing import Any

from celery import signals
from celery.concurrency import thread

from core import config, services
from core.engine import client, messages
from core.errors.startup import WeightsError
from core.observability import exporter, logs, metrics, traces
from core.system import memory
from worker import (
    activity,
    batches,
    current_calls,
    heartbeats,
    picture_metrics,
    runtime,
    tasks,
    time_limits,
    transport,
)
from worker.videos import tasks as videos

app = transport.celery_app(config.load())
app.steps["consumer"] |= {heartbeats.TurnClock}
__all__ = ["app", "batches", "tasks", "videos"]


@signals.setup_logging.connect
def _configure_logging(**_: Any) -> None:
    logs.configure(config.load().log_level)
    logs.warn_of_unknown_settings()


@signals.worker_init.connect
def _prepare_fork(**_: Any) -> None:
    activity.shared()
    current_calls.shared()
    heartbeats.consumer_clock()
    runtime.worker_name()
    # A process of the pool tries again, and says what is wrong.
    with suppress(WeightsError):
        runtime.version()
    exporter.start(config.load(), "worker")
    memory.freeze_imports()


@signals.worker_process_init.connect
def _start_process(**_: Any) -> None:
    """Load the model in a process of the pool, and note while it works on a task."""
    runtime.heap_trimmer()
    runtime.start()
    clock = heartbeats.task_clock()
    signals.task_prerun.connect(lambda sender, **_: clock.begin(time_limits.limit_s(sender, app)), weak=False)
    signals.task_postrun.connect(lambda **_: clock.end(), weak=False)


@signals.task_prerun.connect
def _bind_request(task: Any, **_: Any) -> None:
    logs.bind_request(task.request.get(messages.REQUEST_ID))
    traces.resume(task.request.get(messages.TRACE))
    picture_metrics.count_wait(task.name, task.request.get(messages.SENT_AT))


@signals.task_postrun.connect
def _return_memory(**_: Any) -> None:
    runtime.heap_trimmer().trim_if_grown()  # after the answer, so that no caller waits for it


@signals.worker_ready.connect
def _start_threads(sender: Any, **_: Any) -> None:
    """Load the model and enforce time limits where this process has threads instead of processes."""
    if not isinstance(sender.pool, thread.TaskPool):
        return
    runtime.heap_trimmer()
    runtime.start(places=sender.pool.limit)
    time_limits.enforce(app, lambda task: _give_up(task.name, task.id, task.args))


@signals.task_failure.connect
def _handle_task_failure(sender: Any = None, task_id: str = "", args: Any = None, **_: Any) -> None:
    """Give up the task of a process that died: this runs in its parent, which is still alive."""
    if sender is not None:
        metrics.count(metrics.LOST_TASKS, picture_metrics.KINDS.get(sender.name, metrics.OTHER))
        _give_up(sender.name, task_id, args)


def _give_up(task: str, task_id: str, args: Any) -> None:
    """Have the call asked again, or end the lease, that a task worked on."""
    if task in client.ANSWER_KINDS and args:
        made = services.build(config.load())
        try:
            current_calls.shared().report_lost(made.engine, task_id, args[0])
        finally:
            made.close()
    if task == "work_batch":
        batches.reap_task(task_id)
    if task == "work_video":
        videos.reap_task(task_id)
