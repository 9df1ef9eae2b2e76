"""The regular tasks, on the clock of beat."""

import threading
from collections.abc import Callable
from dataclasses import is_dataclass
from functools import cache
from typing import Any

from celery import shared_task

from core import config, logs, maintenance, services
from core.services import Services

log = logs.get(__name__)

LIMIT_S = 6 * 3600  # the limit of a call would end a comparison of many objects before it had begun


@cache
def _services() -> Services:
    """Once per process, after the fork."""
    return services.build(config.load())


def _regular(job: Callable[[Services], Any]) -> Callable[[], None]:
    def run() -> None:
        try:
            outcome = job(_services())
            # Beat has most of them done every few seconds, and mostly there is nothing to do.
            write = log.info if _tells(outcome) else log.debug
            write("maintenance", task=job.__name__, outcome=str(outcome))
        except Exception:
            log.exception("maintenance failed", task=job.__name__)

    return run


def _tells(outcome: Any) -> bool:
    """Whether anything was done or found."""
    return any(vars(outcome).values()) if is_dataclass(outcome) else bool(outcome)


def _beside(job: Callable[[Services], Any]) -> Callable[[], None]:
    """Have a job that may take long done beside the tasks: a call must not wait for it, nor for its process.

    One at a time in each process; what one that ends leaves undone, the next finds.
    """
    run, at_work = _regular(job), threading.Lock()

    def work() -> None:
        with at_work:
            run()

    def begin() -> None:
        if not at_work.locked():
            threading.Thread(target=work, name=job.__name__, daemon=True).start()

    return begin


fold_tallies = shared_task(name="fold_tallies", time_limit=LIMIT_S)(_regular(maintenance.fold_tallies))
clean_storage = shared_task(name="clean_storage", time_limit=LIMIT_S)(_regular(maintenance.clean_storage))
expire_images = shared_task(name="expire_images", time_limit=LIMIT_S)(_regular(maintenance.expire_images))
compare_storage = shared_task(name="compare_storage", time_limit=LIMIT_S)(_regular(maintenance.compare))
reap_batches = shared_task(name="reap_batches", time_limit=LIMIT_S)(_regular(maintenance.reap_batches))
import_prefixes = shared_task(name="import_prefixes", time_limit=LIMIT_S)(_beside(maintenance.import_prefixes))
