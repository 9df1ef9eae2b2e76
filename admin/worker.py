"""`face-api worker` and `face-api beat`: run Celery's worker and scheduler."""

import os
import sys
from importlib import metadata

import click

from core import config
from core.config import Settings
from core.system import cpus
from core.weights import locations, versions

# In order of priority. Batches come last: they may run for days, and everything else is short.
QUEUES = "interactive,batch"

# Workers need not know of each other, and their events would keep Redis busy.
NO_EVENTS = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
# Celery tells a worker of root the same in ten lines.
QUIET_CELERY = [sys.executable, "-W", "ignore:::celery.platforms", "-m", "celery", "--quiet"]
AS_ROOT = "warning: this runs as root, who may do more than the service needs; any other user will do"
THREADS_PER_CPU = 2  # chosen: one decodes or encodes while another waits for the GPU


def worker_command(settings: Settings, queues: str = QUEUES) -> list[str]:
    """Return the command line of a worker that serves `queues` in order of priority."""
    threads = _runs_on_gpu(settings)
    at_once = settings.worker_processes or cpus.available() * (THREADS_PER_CPU if threads else 1)
    pool = f"--pool={'threads' if threads else 'prefork'}"
    celery = [*QUIET_CELERY, "--app=worker.app", "worker", "--loglevel=WARNING"]
    return [*celery, f"--queues={queues}", pool, f"--concurrency={at_once}", *NO_EVENTS]


def maintenance_command() -> list[str]:
    """Return the command line of the worker of maintenance: one thread, and no engine."""
    celery = [*QUIET_CELERY, "--app=worker.maintenance_app", "worker", "--loglevel=WARNING"]
    # A name of its own: the engine's worker may run on the same machine.
    own = ["--hostname=maintenance@%h", "--queues=maintenance", "--pool=threads", "--concurrency=1"]
    return [*celery, *own, *NO_EVENTS]


def _runs_on_gpu(settings: Settings) -> bool:
    """Return whether the network will run on a GPU: then one process with threads, whose waiting calls are batched."""
    try:
        metadata.version("onnxruntime-gpu")
    except metadata.PackageNotFoundError:
        return False
    return settings.runtime in {"auto", "cuda"} and versions.run_chooser(settings.model).runtime == "cuda"


def beat_command() -> list[str]:
    """Return the command line of beat, which is not Celery's own: that would load the whole engine."""
    return [sys.executable, "-m", "worker.beat"]


def warn_of_root() -> None:
    """Say so where root runs this."""
    if os.geteuid() == 0:
        click.echo(AS_ROOT, err=True)


@click.command()
@click.option("--queues", default=QUEUES, show_default=True, help="Queues to serve, highest priority first.")
def worker(queues: str) -> None:
    """Run a worker, which loads the model and executes the tasks."""
    settings = config.load()
    warn_of_root()
    locations.installed(settings)  # reports a missing model with the command that fetches it
    argv = worker_command(settings, queues)
    os.execv(argv[0], argv)


@click.command()
def beat() -> None:
    """Run the scheduler of periodic tasks; exactly one per service."""
    config.load()  # reports invalid settings without a traceback
    argv = beat_command()
    os.execv(argv[0], argv)
