"""One line per request and per task, as JSON. Never pixels, file names or keys."""

import logging
import sys
from typing import Any, cast

import structlog

from core import config

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def configure(level: str) -> None:
    """Set up the loggers of this process; libraries' records take the same way."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=LEVELS[level], force=True)
    # Celery tells of every task twice; ours is the one line.
    logging.getLogger("celery").setLevel(max(LEVELS[level], logging.WARNING))
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        cache_logger_on_first_use=True,
    )


def warn_of_misspelt() -> None:
    """Log which FACE_API_* variables nothing reads."""
    for name, meant in config.misspelt().items():
        get(__name__).warning("no setting has this name", name=name, meant=meant)


def get(name: str) -> structlog.stdlib.BoundLogger:
    """Return a module's logger."""
    return cast(structlog.stdlib.BoundLogger, structlog.get_logger(name))
