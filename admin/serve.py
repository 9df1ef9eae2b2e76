"""`face-api serve`: the web tier under gunicorn."""

import math
import os
import sys

import click

from core import config
from core.config import Settings

KEEP_ALIVE_S = 15  # longer than a busy client pauses between two requests; an idle connection holds no thread
KEEP_S = 6  # calls that end at the last moment keep their results, within 5 s, and are answered
HEARTBEAT_FOLDER = "/dev/shm"  # noqa: S108  # memory: a busy disk must not look like a worker that hangs


def command(settings: Settings) -> list[str]:
    """Return gunicorn's command line for these settings."""
    options = {
        "--bind": address(settings.host, settings.port),
        "--worker-class": "web.server.workers.Worker",
        "--workers": settings.web_processes,
        "--threads": settings.web_threads,
        "--keep-alive": KEEP_ALIVE_S,
        "--graceful-timeout": stops_within_s(settings),
        "--log-level": "warning",  # the app logs a line per request
        # FACE_API_TRUSTED_PROXIES names the trusted proxies; gunicorn would trust any on this machine.
        "--forwarded-allow-ips": "",
    }
    if os.access(HEARTBEAT_FOLDER, os.W_OK):
        options["--worker-tmp-dir"] = HEARTBEAT_FOLDER
    if settings.metrics_port:
        options["--config"] = "python:web.server.hooks"
    arguments = [f"{name}={value}" for name, value in options.items()]
    # The control socket would be one file shared by all of a user's servers, and nothing uses it.
    return [sys.executable, "-m", "gunicorn", *arguments, "--no-control-socket", "web.app:build()"]


def stops_within_s(settings: Settings) -> int:
    """Return how long the web tier may take to end: whoever stops it must not kill it sooner."""
    return math.ceil(settings.grace_s) + KEEP_S


def address(host: str, port: int) -> str:
    """Join host and port; an IPv6 address needs brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@click.command()
def serve() -> None:
    """Run the web tier on HOST and PORT."""
    argv = command(config.load())
    os.execv(argv[0], argv)
