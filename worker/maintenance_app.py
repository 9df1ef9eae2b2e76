"""The Celery app of maintenance: `celery -A worker.maintenance_app worker`. It loads no engine, and knows no calls.

One of them works, however many are started: the others wait for its lease. It gives way to everything else that wants
a CPU.
"""

import os
from typing import Any

from celery import signals

from core import config, services
from core.observability import exporter, logs
from worker import maintenance, service_metrics, time_limits, transport, webhooks
from worker.maintenance_lease import MaintenanceLease

NICENESS = 10  # chosen: a tenth of the CPU that a call gets, while both want it

app = transport.celery_app(config.load())
__all__ = ["app", "maintenance", "webhooks"]


@signals.setup_logging.connect
def _configure_logging(**_: Any) -> None:
    logs.configure(config.load().log_level)
    logs.warn_of_unknown_settings()


@signals.worker_init.connect
def _wait_for_turn(**_: Any) -> None:
    logs.configure(config.load().log_level)  # Celery has its turn later
    os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
    built = services.build(config.load())
    exporter.start(config.load(), "maintenance", service_metrics.ServiceCollector(built))
    MaintenanceLease(built.redis).hold()


@signals.worker_ready.connect
def _enforce_time_limits(**_: Any) -> None:
    time_limits.enforce(app, lambda task: None)  # nobody waits for a task of maintenance
