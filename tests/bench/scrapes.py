"""What a scrape of web's numbers costs when its processes have counted all that there is to count.

    python -m tests.bench.scrapes [--processes N] [--scrapes N]

Each process counts every route with every method and many statuses, as requests do, and every error. Then the numbers
are asked for over HTTP. Printed are the series, and the CPU time of a scrape: of server and
client together, which are threads of one process.
"""

import argparse
import inspect
import multiprocessing
import os
import statistics
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from core import config, errors
from core.observability import exporter, metrics
from tests.ports import free_port

LIMIT_MS = 100
STATUSES = ("200", "304", "400", "401", "403", "404", "422", "429", "500", "503")
SCOPE = "admin"  # each route has one
SELDOM = {"HEAD", "OPTIONS"}  # that every route answers, and few callers send


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--processes", type=int, default=8, help="web processes (default: %(default)s)")
    parser.add_argument("--scrapes", type=int, default=500, help="how often to ask (default: %(default)s)")
    asked = parser.parse_args()
    with multiprocessing.get_context("spawn").Pool(1) as pool:  # web's main process, which serves, has no app either
        routes = pool.apply(_routes)
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        exporter.start(config.read(var_dir=Path(folder), metrics_port=port), "web")
        _count_in_processes(routes, asked.processes)
        series, spent = _scraped(f"http://127.0.0.1:{port}/metrics", asked.scrapes)
    percentiles = statistics.quantiles(spent, n=100)
    print(f"{asked.processes} processes, {len(routes)} routes and methods, {series} series, {asked.scrapes} scrapes")
    print(f"CPU of a scrape: median {percentiles[49]:.0f} ms, p99 {percentiles[98]:.0f} ms (limit {LIMIT_MS} ms)")


def _routes() -> list[tuple[str, str]]:
    from core import services
    from web.app import create_app

    with tempfile.TemporaryDirectory() as folder:
        app = create_app(services.build(config.read(var_dir=Path(folder))))
        return [(rule.rule, method) for rule in app.url_map.iter_rules() for method in (rule.methods or set()) - SELDOM]


def _count_in_processes(routes: list[tuple[str, str]], processes: int) -> None:
    """Count in as many processes as web has: each needs a place of its own, so all live until the last has counted."""
    fork = multiprocessing.get_context("fork")
    counted = fork.Barrier(processes)
    started = [fork.Process(target=_count, args=(routes, counted.wait)) for _ in range(processes)]
    for process in started:
        process.start()
    for process in started:
        process.join()


def _count(routes: list[tuple[str, str]], wait: Callable[[], object]) -> None:
    for route, method in routes:
        metrics.observe(metrics.REQUEST_SECONDS, 0.1, route, method)
        for status in STATUSES:
            metrics.count(metrics.REQUESTS, route, method, status, SCOPE)
    for _, error in inspect.getmembers(errors, inspect.isclass):
        metrics.count(metrics.ERRORS, getattr(error, "code", metrics.OTHER))
    wait()
    os._exit(0)  # what the parent has opened is the parent's to close


def _scraped(url: str, times: int) -> tuple[int, list[float]]:
    """Ask for the numbers; return how many series there are, and the milliseconds of CPU that each time took."""
    spent, text = [], b""
    for _ in range(times):
        began = time.process_time()
        with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 - this process's own
            text = answer.read()
        spent.append((time.process_time() - began) * 1000)
    return sum(not line.startswith(b"#") for line in text.splitlines()), spent


if __name__ == "__main__":
    main()
