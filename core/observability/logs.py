"""One line per request and per task, as JSON. Never pixels, file names or keys."""

import logging
import re
import sys
from typing import Any, cast

import structlog

from core import config

# What psycopg2 says of the row that was refused: with every value in it.
ROW_DETAILS = re.compile(r"^DETAIL: .*$", re.MULTILINE)
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
                _without_rows,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=LEVELS[level], force=True)
    # Celery logs every task twice; we write one line.
    logging.getLogger("celery").setLevel(max(LEVELS[level], logging.WARNING))
    # Its warnings show URLs, and who knows that of a webhook may post there.
    logging.getLogger("urllib3").setLevel(logging.ERROR)
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


def bind_request(request_id: str | None) -> None:
    """Have each line of this thread name the request that it is about, from now on; None: no request."""
    structlog.contextvars.clear_contextvars()
    if request_id is not None:
        structlog.contextvars.bind_contextvars(request_id=request_id)


def bind_key(key_id: str) -> None:
    """Have each line of this thread name the id of the key that its request was let in by."""
    structlog.contextvars.bind_contextvars(api_key_id=key_id)


def bound_request() -> str | None:
    """Return the request that the lines of this thread are about."""
    return cast(str | None, structlog.contextvars.get_contextvars().get("request_id"))


def reason(error: BaseException) -> str:
    """Say in one line what an error is and what caused it, without statements, rows and names of files."""
    error = getattr(error, "orig", None) or error  # SQLAlchemy's own words include the statement
    words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    said = ": ".join([type(error).__name__, *words.splitlines()[:1]])
    return f"{said}; {reason(error.__cause__)}" if error.__cause__ else said


def _without_rows(_logger: Any, _method: str, line: Any) -> Any:
    if "exception" in line:
        line["exception"] = ROW_DETAILS.sub("DETAIL: …", line["exception"])
    return line


def get(name: str) -> structlog.stdlib.BoundLogger:
    """Return a module's logger."""
    return cast(structlog.stdlib.BoundLogger, structlog.get_logger(name))
