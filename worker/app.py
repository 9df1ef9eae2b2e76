"""The worker's Celery app: `celery -A worker.app worker`."""

from contextlib import suppress
from typing import Any

from celery import signals

from core import config, logs, services
from core.engine import client
from core.errors import EngineUnavailable, WeightsError
from worker import activity, batches, maintenance, runtime, tasks, transport, webhooks

app = client.celery_app(config.load())
app.conf.broker_transport = transport.path_for(config.load().redis_urls[0])
__all__ = ["app", "batches", "maintenance", "tasks", "webhooks"]


@signals.setup_logging.connect
def _configure_logging(**_: Any) -> None:
    logs.configure(config.load().log_level)
    logs.warn_of_unknown_settings()


@signals.worker_init.connect
def _prepare_fork(**_: Any) -> None:
    activity.shared()
    # A process of the pool tries again, and says what is wrong.
    with suppress(WeightsError):
        runtime.version()


@signals.worker_process_init.connect
def _load_model(**_: Any) -> None:
    runtime.heap_trimmer()
    runtime.start()


@signals.task_postrun.connect
def _return_memory(**_: Any) -> None:
    runtime.heap_trimmer().trim_if_grown()  # after the answer, so that no caller waits for it


@signals.task_failure.connect
def _handle_task_failure(sender: Any = None, task_id: str = "", args: Any = None, **_: Any) -> None:
    """Answer the call, or end the lease, of a process that died: this runs in its parent, which is still alive."""
    if sender is None:
        return
    if sender.name in client.ANSWER_KINDS and args:
        error = EngineUnavailable("the process that worked on this picture died")
        services.build(config.load()).engine.answer_error(args[0], error)
    if sender.name == "work_batch":
        batches.reap_task(task_id)
