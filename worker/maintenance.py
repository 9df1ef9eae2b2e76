"""The regular jobs as tasks, which beat schedules."""

import logging
import threading
from collections.abc import Callable
from dataclasses import is_dataclass
from functools import cache
from typing import Any

from celery import shared_task

from core import config, logs, maintenance, services
from core.services import Services

log = logs.get(__name__)

TIME_LIMIT_S = 6 * 3600  # the limit of a call would end a comparison of many objects before it had begun


@cache
def _services() -> Services:
    """Once per process, after the fork."""
    return services.build(config.load())


def _regular(job: Callable[[Services], Any]) -> Callable[[], None]:
    def run() -> None:
        try:
            outcome = job(_services())
            # Most jobs run every few seconds, and mostly there is nothing to do.
            level = logging.INFO if _did_something(outcome) else logging.DEBUG
            log.log(level, "maintenance_finished", task=job.__name__, outcome=str(outcome))
        except Exception:
            log.exception("maintenance_failed", task=job.__name__)

    return run


def _did_something(outcome: Any) -> bool:
    """Whether a job did or found anything."""
    return any(vars(outcome).values()) if is_dataclass(outcome) else bool(outcome)


def _in_thread(job: Callable[[Services], Any]) -> Callable[[], None]:
    """Run a job that may take long in a thread beside the tasks: a call must not wait for it, nor for its process.

    One at a time in each process; what one leaves undone, the next finds.
    """
    run, running = _regular(job), threading.Lock()

    def work() -> None:
        with running:
            run()

    def start() -> None:
        if not running.locked():
            threading.Thread(target=work, name=job.__name__, daemon=True).start()

    return start


fold_tallies = shared_task(name="fold_tallies", time_limit=TIME_LIMIT_S)(_regular(maintenance.fold_tallies))
clean_storage = shared_task(name="clean_storage", time_limit=TIME_LIMIT_S)(_regular(maintenance.clean_storage))
expire_images = shared_task(name="expire_images", time_limit=TIME_LIMIT_S)(_regular(maintenance.expire_images))
expire_batches = shared_task(name="expire_batches", time_limit=TIME_LIMIT_S)(_regular(maintenance.expire_batches))
remove_batches = shared_task(name="remove_batches", time_limit=TIME_LIMIT_S)(_regular(maintenance.remove_batches))
compare_storage = shared_task(name="compare_storage", time_limit=TIME_LIMIT_S)(_regular(maintenance.compare))
reap_batches = shared_task(name="reap_batches", time_limit=TIME_LIMIT_S)(_regular(maintenance.reap_batches))
import_prefixes = shared_task(name="import_prefixes", time_limit=TIME_LIMIT_S)(_in_thread(maintenance.import_prefixes))
