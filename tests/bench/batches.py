"""What a batch costs beside the pipeline itself, and what it costs the calls of others.

    python -m tests.bench.batches [--shared DIR] [--seconds S] [--servers] [--memory ITEMS]

Throughput: items a second of a batch over the pipeline in as many processes without anything around it, in turn within
one run; the worker stands still meanwhile. Fairness: the 95th percentile of /detect at one call a second, with and
without a batch. --memory: what each process holds after a tenth of so many items, and after all of them.
"""

import argparse
import contextlib
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import cv2
import psutil
from sqlalchemy import select

from core import config, cpus
from core.batches import lifecycle
from core.config import Settings
from core.contract.options import MaskOptions
from core.database.models import ProcessingJob
from core.engine import defaults
from core.vision import pipeline
from tests import detectors, postgres, swift
from tests.bench import load
from tests.bench.load import Client, timed_ms
from tests.faults import crops
from tests.faults.calls import ask, upload
from tests.stack import Stack

ROUNDS = 3
CALLS = 30
WARM_UP_ITEMS = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=None, help="folder with real pictures and weights")
    parser.add_argument("--seconds", type=float, default=10, help="length of one throughput measurement")
    parser.add_argument("--servers", action="store_true", help="on a Postgres and a Swift, which share the CPUs")
    parser.add_argument("--memory", type=int, default=0, metavar="ITEMS", help="only compare the memory")
    args = parser.parse_args()
    settings, processes = load.settings(args.shared), cpus.available()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        own = load.environment(settings, processes)
        own |= stack.enter_context(_servers(folder)) if args.servers else {}
        service = Stack(_made(folder / "service"), own)
        stack.callback(service.stop)
        service.start()
        print(f"{settings.model}, {processes} worker processes with one thread each,", end=" ")
        print("Postgres and Swift" if args.servers else "SQLite and a folder")
        if args.memory:
            _memory(service, args.shared, args.memory)
            return
        pictures = load.pictures(args.shared)
        _fairness(service, pictures)
        _throughput(service, settings, pictures, args.seconds)


@contextlib.contextmanager
def _servers(folder: Path) -> Iterator[dict[str, str]]:
    node = swift.start(_made(folder / "swift"))
    with postgres.running() as server:
        server.execute("CREATE DATABASE bench")
        values = node.settings() | {"database_url": server.url("bench"), "s3_bucket": "bench"}
        yield {f"{config.PREFIX}{key.upper()}": value for key, value in values.items()}
    node.stop()


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _begin(service: Stack, pictures: list[bytes], count: int) -> str:
    batch = str(ask(service, "POST", "/batches", json={"name": "bench"})["id"])
    upload(service, batch, {f"{number}.jpg": pictures[number % len(pictures)] for number in range(count)})
    return batch


def _has_finished(service: Stack, count: int) -> bool:
    return _finished(service) >= count


def _finished(service: Stack) -> int:
    sessions = service.services.sessions
    assert sessions is not None
    with sessions() as session:
        return sum(batch.completed + batch.failed for batch in lifecycle.page(session, 1, 100).items)


def _fairness(service: Stack, pictures: list[bytes]) -> None:
    client = Client(service, "/api/v1/detect")
    for picture in pictures:
        client.send(picture)
    idle = _latencies(client, pictures)
    batch = _begin(service, pictures, 100)
    busy: list[float] = []
    while len(busy) < CALLS:
        if ask(service, "GET", f"/batches/{batch}")["counts"]["queued"] < 20:
            batch = _begin(service, pictures, 100)
        busy += _latencies(client, pictures, 5)
    ask(service, "POST", f"/batches/{batch}/cancel")
    measured = {"/detect at 1/s, idle": idle, "/detect during a batch": busy, "an item": _item_times(service)}
    for name, times in measured.items():
        late = statistics.quantiles(times, n=20)[-1]
        print(f"{name}: median {statistics.median(times):.0f} ms, p95 {late:.0f} ms", flush=True)


def _item_times(service: Stack) -> list[float]:
    sessions = service.services.sessions
    assert sessions is not None
    of_items = select(ProcessingJob.total_ms).where(ProcessingJob.batch_id.is_not(None))
    with sessions() as session:
        return [ms for ms in session.scalars(of_items) if ms]


def _latencies(client: Client, pictures: list[bytes], count: int = CALLS) -> list[float]:
    found = []
    for number in range(count):
        picture = pictures[number % len(pictures)]
        found.append(timed_ms(partial(client.send, picture)))
        time.sleep(max(0.0, 1 - found[-1] / 1000))
    return found


def _throughput(service: Stack, settings: Settings, pictures: list[bytes], seconds: float) -> None:
    processes, ratios = cpus.available(), []
    for _ in range(ROUNDS):
        service.pause_worker()
        bare, bare_cpu_s = _bare(settings, pictures, processes, seconds)
        batch = _begin(service, pictures, int(bare * seconds * 1.5) + 4 * WARM_UP_ITEMS)
        before = _finished(service)
        service.resume_worker()
        service.until(partial(_has_finished, service, before + WARM_UP_ITEMS), 120)
        first, used, started = _finished(service), _cpu_s(service), time.perf_counter()
        time.sleep(seconds)
        items = _finished(service) - first
        done = items / (time.perf_counter() - started)
        used = (_cpu_s(service) - used) / items
        ask(service, "POST", f"/batches/{batch}/cancel")
        ratios.append((done / bare, bare_cpu_s / used))
        print(f"throughput: batch {done:.2f}/s, bare pipeline {bare:.2f}/s, ratio {done / bare:.3f};", end=" ")
        print(f"CPU an item: {used * 1000:.0f} ms, bare {bare_cpu_s * 1000:.0f} ms, ratio {bare_cpu_s / used:.3f}")
    of_time, of_cpu = (statistics.median(ratio) for ratio in zip(*ratios, strict=True))
    # On a machine that others use too, the second says more.
    print(f"throughput ratio, median of {ROUNDS}: {of_time:.3f}; by CPU time: {of_cpu:.3f}")


def _cpu_s(service: Stack) -> float:
    """Return the CPU time of all that works on a batch: the worker's processes."""
    worker = psutil.Process(service.processes["worker"].pid)
    return sum(sum(one.cpu_times()[:2]) for one in [worker, *worker.children(recursive=True)])


def _bare(settings: Settings, pictures: list[bytes], processes: int, seconds: float) -> tuple[float, float]:
    """Return how many items a second, and how much CPU time each takes."""
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        found = pool.starmap(_run_bare, [(settings, pictures, seconds)] * processes, chunksize=1)
    counts, used = zip(*found, strict=True)
    return sum(counts) / seconds, sum(used) / sum(counts)


def _run_bare(settings: Settings, pictures: list[bytes], seconds: float) -> tuple[int, float]:
    cv2.setNumThreads(1)  # as in a worker
    found, options = detectors.load(settings), defaults.resolve(MaskOptions(), settings)
    pipeline.mask(pictures[0], options, found, settings.max_image_pixels)
    count, started, used = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - started < seconds:
        pipeline.mask(pictures[count % len(pictures)], options, found, settings.max_image_pixels)
        count += 1
    return count, time.process_time() - used


def _memory(service: Stack, shared: Path | None, count: int) -> None:
    pictures = list(crops.made(200, shared).values())
    options = {"detail": "fast"}
    batch = str(ask(service, "POST", "/batches", json={"name": "memory", "options": options})["id"])
    every = {f"{number}.jpg": pictures[number % len(pictures)] for number in range(count)}
    early: dict[str, float] = {}
    for start in range(0, count, 500):
        names = list(every)[start : start + 500]
        upload(service, batch, {name: every[name] for name in names})
        service.until(partial(_has_finished, service, min(count, start + 500) - 4), 1800)
        if start == 0 or start + 500 >= count:
            held = _held(service)
            print(f"after {start + 500} items: " + ", ".join(f"{name} {mib:.0f} MiB" for name, mib in held.items()))
            early = early or held
    print("changed by " + ", ".join(f"{name} {held[name] / early[name] - 1:+.1%}" for name in early if name in held))


def _held(service: Stack) -> dict[str, float]:
    """Return the memory of each process that works, by what it is: that which is its own."""
    found = {}
    for name in ("worker", "serve"):
        for number, child in enumerate(psutil.Process(service.processes[name].pid).children(recursive=True)):
            found[f"{name} {number}"] = child.memory_full_info().uss / 2**20
    return found


if __name__ == "__main__":
    main()
