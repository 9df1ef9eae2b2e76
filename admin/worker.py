"""`face-api worker` and `face-api beat`: Celery's two programs."""

import os
import sys

import click

from core import config, cpus
from core.config import Settings
from core.weights import manifest

# In the order in which they are served. Batches come last: they may not end for days, and the rest of it is short.
QUEUES = "interactive,maintenance,batch"

CELERY = [sys.executable, "-m", "celery", "--quiet", "--app=worker.app"]


def worker_command(settings: Settings, queues: str = QUEUES) -> list[str]:
    """Return the command line of a worker that serves `queues`, the first before the others."""
    processes = settings.worker_processes or cpus.available()
    # Workers have nothing to tell one another, and what they would say keeps Redis busy.
    silent = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    return [*CELERY, "worker", f"--queues={queues}", f"--concurrency={processes}", "--loglevel=WARNING", *silent]


def beat_command() -> list[str]:
    """Return the command line of the clock; its schedule lives in memory, so no file can be stale or in the way."""
    return [*CELERY, "beat", "--scheduler=celery.beat:Scheduler", "--pidfile=", "--loglevel=WARNING"]


@click.command()
@click.option("--queues", default=QUEUES, show_default=True, help="Queues to serve, the most urgent first.")
def worker(queues: str) -> None:
    """Run a worker: the model and the tasks."""
    settings = config.load()
    manifest.located(settings)  # a missing model is said here, with the command that fetches it
    argv = worker_command(settings, queues)
    os.execv(argv[0], argv)


@click.command()
def beat() -> None:
    """Run the clock of the regular tasks; one for the whole service."""
    config.load()  # what is wrong with the settings is said here, without a traceback
    argv = beat_command()
    os.execv(argv[0], argv)
