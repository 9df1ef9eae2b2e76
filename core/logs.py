"""One line per request and per task, as JSON. Never pixels, file names or keys."""

import logging
import sys
from typing import Any, cast

import structlog

from core import config

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def configure(level: str) -> None:
    """Set up logging in this process, for our own loggers and those of libraries alike."""
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
    # Celery logs every task twice; we write one line.
    logging.getLogger("celery").setLevel(max(LEVELS[level], logging.WARNING))
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        cache_logger_on_first_use=True,
    )


def warn_of_unknown_settings() -> None:
    """Log the FACE_API_* variables that no setting reads."""
    for name, nearest in config.unknown().items():
        get(__name__).warning("setting_unknown", name=name, nearest=nearest)


def get(name: str) -> structlog.stdlib.BoundLogger:
    """Return a module's logger."""
    return cast(structlog.stdlib.BoundLogger, structlog.get_logger(name))
