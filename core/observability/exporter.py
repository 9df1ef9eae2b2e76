"""Serves the numbers of a program to Prometheus, from a thread of its main process, on a port of its own.

That thread only reads files, and what else the program adds: nothing is locked that a process forked meanwhile needs.
"""

import os
import platform
import threading
import time
from collections.abc import Iterable
from importlib import metadata
from typing import Literal

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import InfoMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from core.config import Settings
from core.observability import logs, metric_files, metrics
from core.system import memory

log = logs.get(__name__)
Program = Literal["web", "worker", "maintenance"]
# All of them may run on one machine, each with a port of its own: the setting's, and those after it.
PORTS_AFTER: dict[Program, int] = {"web": 0, "worker": 1, "maintenance": 2}
AGAIN_AFTER_S = 5.0


class BuildInfo(Collector):
    """Which version of the service this is."""

    def __init__(self, program: Program) -> None:
        self._build = {
            "version": metadata.version("face-api"),
            "program": program,
            "python": platform.python_version(),
        }

    def collect(self) -> Iterable[Metric]:
        yield InfoMetricFamily("face_api_build", "The version that runs.", self._build)


def ports(settings: Settings) -> dict[Program, int]:
    """Return the port of each program's numbers; nothing when they are not served."""
    first = settings.metrics_port
    return {program: first + after for program, after in PORTS_AFTER.items()} if first else {}


def start(settings: Settings, program: Program, *collectors: Collector) -> None:
    """Serve the numbers of this process and of all that it forks from now on, if the settings say so.

    A port that is taken stops no program: it is said, and tried again until it is free.
    """
    number = ports(settings).get(program)
    if number is None:
        return
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(metric_files.begin()))  # type: ignore[no-untyped-call]  # its own lack them
    metrics.begin_at_zero(program)
    # measured: else one scrape in a hundred takes half as long again, for what was loaded long before it
    memory.freeze_imports()
    for collector in (BuildInfo(program), *collectors):
        registry.register(collector)
    try:
        _serve(settings.metrics_host, number, registry)
    except OSError as error:
        log.warning("metrics_not_served", port=number, reason=logs.reason(error))
        again = threading.Thread(
            target=_serve_later, args=(settings.metrics_host, number, registry), name="metrics", daemon=True
        )
        again.start()


def _serve(host: str, number: int, registry: CollectorRegistry) -> None:
    server, _ = start_http_server(number, host, registry)
    # Else a process that outlives this one would keep the port, and answer nobody.
    os.register_at_fork(after_in_child=server.socket.close)


def _serve_later(host: str, number: int, registry: CollectorRegistry) -> None:
    while True:
        time.sleep(AGAIN_AFTER_S)
        try:
            _serve(host, number, registry)
        except OSError:
            continue
        log.info("metrics_served", port=number)
        return
