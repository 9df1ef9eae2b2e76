"""beat: sends the tasks of `celeryconfig` when they are due. It knows them by name alone, and loads no engine.

Celery's own command would import all of Celery and, by the worker's app, every task and what that needs.
"""

import sys
from typing import Any

if __name__ == "__main__":
    # structlog would load it to colour what nobody reads: a fifteenth of what this program holds.
    sys.modules["rich"] = None  # type: ignore[assignment]  # as importlib's documentation has it

from celery import signals

from core import config
from core.engine import celery_apps
from core.observability import logs


@signals.setup_logging.connect
def _configure_logging(**_: Any) -> None:
    logs.configure(config.load().log_level)
    logs.warn_of_unknown_settings()


def main() -> None:
    """Run the scheduler; its schedule is in memory, so no schedule file can be stale or locked."""
    app = celery_apps.celery_app(config.load())
    app.Beat(scheduler_cls="celery.beat:Scheduler", quiet=True).run()


if __name__ == "__main__":
    main()
