"""What gunicorn runs in its main process, which forks the others; on its command line only where numbers are served.

gunicorn takes every name of this module that is also one of its settings, as `config` is.
"""

from typing import Any

from core.config import load
from core.observability import exporter, logs


def on_starting(server: Any) -> None:
    """Serve the numbers of all web processes, before the first is forked."""
    settings = load()
    logs.configure(settings.log_level)
    exporter.start(settings, "web")
