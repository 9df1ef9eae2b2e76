"""The regular jobs as tasks, which beat schedules."""

import logging
import threading
from collections.abc import Callable
from dataclasses import is_dataclass
from functools import cache
from typing import Any

from celery import shared_task

from core import config, maintenance, services
from core.observability import logs
from core.services import Services

log = logs.get(__name__)

TIME_LIMIT_S = 600  # chosen: a hundred times what a task may take; only one that hangs is ended
SLICE_S = 5.0  # chosen: so long other tasks wait for one that has much to do; the next time it goes on


@cache
def built_services() -> Services:
    """Once per process, after the fork."""
    return services.build(config.load())


def _regular(job: Callable[[Services], Any], name: str = "") -> Callable[[], None]:
    name = name or job.__name__

    def run() -> None:
        try:
            outcome = job(built_services())
            # Most jobs run every few seconds, and mostly there is nothing to do.
            level = logging.INFO if _did_something(outcome) else logging.DEBUG
            log.log(level, "maintenance_finished", task=name, outcome=str(outcome))
        except Exception:
            log.exception("maintenance_failed", task=name)

    return run


def _did_something(outcome: Any) -> bool:
    """Whether a job did or found anything."""
    return any(vars(outcome).values()) if is_dataclass(outcome) else bool(outcome)


def _in_thread(job: Callable[[Services], Any]) -> Callable[[], None]:
    """Run a job that may take long in a thread beside the tasks: the short ones must not wait for it.

    It is not begun again while it runs; what it leaves undone, the next finds.
    """
    run, running = _regular(job), threading.Lock()

    def work() -> None:
        with running:
            run()

    def start() -> None:
        if not running.locked():
            threading.Thread(target=work, name=job.__name__, daemon=True).start()

    return start


def _sliced(job: Callable[[Services, float], Any]) -> Callable[[], None]:
    """Run a job for SLICE_S at a time."""
    return _regular(lambda services: job(services, SLICE_S), job.__name__)


def _task(name: str, run: Callable[[], None]) -> Any:
    # What is lost with its worker comes again by itself. Acknowledged late, one that took long would come twice.
    return shared_task(name=name, time_limit=TIME_LIMIT_S, acks_late=False)(run)


fold_tallies = _task("fold_tallies", _regular(maintenance.fold_tallies))
clean_storage = _task("clean_storage", _sliced(maintenance.clean_storage))
expire_images = _task("expire_images", _sliced(maintenance.expire_images))
expire_batches = _task("expire_batches", _regular(maintenance.expire_batches))
remove_batches = _task("remove_batches", _sliced(maintenance.remove_batches))
compare_storage = _task("compare_storage", _in_thread(maintenance.compare))
expire_videos = _task("expire_videos", _sliced(maintenance.expire_videos))
expire_uploads = _task("expire_uploads", _in_thread(maintenance.expire_uploads))
reap_videos = _task("reap_videos", _regular(maintenance.reap_videos))
reap_batches = _task("reap_batches", _regular(maintenance.reap_batches))
import_prefixes = _task("import_prefixes", _in_thread(maintenance.import_prefixes))
