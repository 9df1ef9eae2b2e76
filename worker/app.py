"""The worker's Celery app: `celery -A worker.app worker`."""

from typing import Any

from celery import signals

from core import config, logs, services
from core.engine import client
from core.errors import EngineUnavailable
from worker import batches, maintenance, runtime, tasks, webhooks

app = client.celery_app(config.load())
__all__ = ["app", "batches", "maintenance", "tasks", "webhooks"]


@signals.setup_logging.connect
def _log_our_way(**_: Any) -> None:
    logs.configure(config.load().log_level)
    logs.warn_of_misspelt()


@signals.worker_process_init.connect
def _load_the_model(**_: Any) -> None:
    runtime.start()


@signals.task_failure.connect
def _tell_who_waits(sender: Any = None, task_id: str = "", args: Any = None, **_: Any) -> None:
    """Answer a call whose process died under it: this runs in the parent, which is still there."""
    if sender is None:
        return
    if sender.name in client.ANSWER_KINDS and args:
        error = EngineUnavailable("the process that worked on this picture died")
        services.build(config.load()).engine.answer_error(args[0], error)
    if sender.name == "work_batch":
        batches.reap_task(task_id)
