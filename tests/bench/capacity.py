"""What one picture costs each part of the service: the figures that docs/scaling.md plans with.

    python -m tests.bench.capacity [--shared DIR] [--calls N]

Starts the whole service on a Postgres, a Swift and two Redis, counts at each of them before and after calls of one
client, and takes off what idleness costs in the same time. Then as many clients as the other benches have: the point
that the model is held against. Writes the measured tables of docs/scaling.md and has the others computed.
"""

import json
import platform
import re
import socket
import socketserver
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import psycopg2

from core import config
from core.system import cpus
from tests import postgres, swift
from tests.bench import capacity_model, inputs, load
from tests.bench.callers import CLIENTS, Client
from tests.bench.capacity_model import Cost, Point
from tests.bench.load import timed_ms
from tests.faults.calls import ask, upload
from tests.ports import free_port
from tests.stack import Stack, start_valkey

Counts = dict[str, float]
SETTLED_S = 11  # Postgres tells within 10 s what an idle connection did
IDLE_S = 20
REQUEST = re.compile(rb"^(?:GET|PUT|HEAD|POST|DELETE) \S+ HTTP/1\.[01]\r\n")
MEANINGS = {
    "picture_kb": "size of the picture, kB",
    "worker_ms": "worker, ms of CPU",
    "worker_cv": "… its spread: standard deviation ÷ mean of a task's time",
    "web_ms": "web tier, ms of CPU",
    "queue_ms": "first Redis, for the queue: ms of CPU",
    "queue_commands": "… commands",
    "queue_kb": "… kB in and out",
    "shard_ms": "Redis that has the bytes: ms of CPU",
    "shard_commands": "… commands",
    "shard_in_kb": "… kB in",
    "shard_out_kb": "… kB out",
    "postgres_ms": "Postgres, ms of CPU",
    "commits": "… transactions",
    "rows": "… rows inserted, updated or deleted",
    "wal_kb": "… kB of log (WAL)",
    "s3_requests": "S3 requests",
    "s3_up_kb": "… kB up",
    "s3_down_kb": "… kB down",
}
POINT = {
    "clients": "clients, each with one call at a time",
    "processes": "processes of the worker",
    "cores": "cores that the run was given",
    "other_ms": "ms of CPU a call beside the worker: web, stores, clients",
    "throughput": "calls/s",
    "median_ms": "median, ms",
    "p95_ms": "95th percentile, ms",
}


class Relay(socketserver.ThreadingTCPServer):
    """Stands before the S3 server and counts what goes by."""

    daemon_threads = allow_reuse_address = True

    def __init__(self, port: int, to: int) -> None:
        self.counts: Counts = {"s3_requests": 0, "s3_up_kb": 0, "s3_down_kb": 0}
        self.to = to
        super().__init__(("127.0.0.1", port), _Relayed)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Relayed(socketserver.BaseRequestHandler):
    server: Relay

    def handle(self) -> None:
        with socket.create_connection(("127.0.0.1", self.server.to)) as other:
            back = threading.Thread(target=self._pump, args=(other, self.request, "s3_down_kb"), daemon=True)
            back.start()
            self._pump(self.request, other, "s3_up_kb")
            back.join()

    def _pump(self, source: socket.socket, sink: socket.socket, name: str) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                self.server.counts[name] += len(data) / 1000
                self.server.counts["s3_requests"] += bool(name == "s3_up_kb" and REQUEST.match(data))
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)


@dataclass
class Bench:
    """A service and what it stands on. parts: processes beside its own, by name."""

    service: Stack
    relay: Relay | None
    database: str
    parts: dict[str, list[int]] = field(default_factory=dict)

    def counts(self) -> Counts:
        """Return everything that only grows, the time too."""
        time.sleep(SETTLED_S if self.database else 0)
        own = {"worker": "worker", "web": "serve"}
        pids = {part: [self.service.processes[name].pid] for part, name in own.items()} | self.parts
        found = {f"{part}_ms": load.cpu_s(pids) * 1000 for part, pids in pids.items()}
        found |= {"client_ms": time.process_time() * 1000, "seconds": time.monotonic()}
        for name, client in zip(("queue", "shard"), self.service.services.shards, strict=True):
            found |= {f"{name}_{key}": value for key, value in _redis_counts(client).items()}
        found |= self.relay.counts if self.relay else {}
        return found | (_postgres_counts(self.database) if self.database else {})


def _redis_counts(client: Any) -> Counts:
    stats, ran, cpu = client.info("stats"), client.info("commandstats"), client.info("cpu")
    return {
        "ms": (cpu["used_cpu_user"] + cpu["used_cpu_sys"]) * 1000,
        "commands": sum(one["calls"] for one in ran.values()),
        "in_kb": stats["total_net_input_bytes"] / 1000,
        "out_kb": stats["total_net_output_bytes"] / 1000,
        "sets": ran.get("cmdstat_set", {"calls": 0})["calls"],
    }


def _postgres_counts(url: str) -> Counts:
    sums = "xact_commit, tup_inserted + tup_updated + tup_deleted, pg_current_wal_insert_lsn() - '0/0'::pg_lsn"
    connection = psycopg2.connect(url.replace("+psycopg2", ""))
    with connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT {sums} FROM pg_stat_database WHERE datname = current_database()")  # noqa: S608
        commits, rows, wal = cursor.fetchone() or (0, 0, 0)
    connection.close()
    return {"commits": float(commits), "rows": float(rows), "wal_kb": float(wal) / 1000}


def spent(bench: Bench, work: Callable[[], int]) -> tuple[Counts, float]:
    """Return what each picture of a piece of work took, without what idleness takes; and the seconds."""
    idle_from = bench.counts()
    time.sleep(IDLE_S)
    before = bench.counts()
    began = time.monotonic()
    pictures = work()
    worked_s = time.monotonic() - began
    after = bench.counts()
    longer = (after["seconds"] - before["seconds"]) / (before["seconds"] - idle_from["seconds"])
    idle = {name: (before[name] - idle_from[name]) * longer for name in before}
    return {name: (after[name] - before[name] - idle[name]) / pictures for name in after}, worked_s


def queue_share(found: Counts) -> Counts:
    """Tell what the queue takes of a call when all calls carry the same bytes: the second Redis has bytes alone."""
    # The share of the calls that lie there: each sets as many keys on its Redis as any other.
    second = found["shard_sets"] / (found["shard_sets"] + found["queue_sets"])
    return {
        name: found[f"queue_{name}"] - found[f"shard_{name}"] / second * (1 - second)
        for name in ("ms", "commands", "in_kb", "out_kb")
    }


def of_one(found: Counts, queue: Counts, picture_kb: float, cv: float) -> Cost:
    """Put together what one picture took; what the queue doesn't take of both Redis, the bytes do."""
    known = {
        "picture_kb": picture_kb,
        "worker_cv": cv,
        "queue_ms": queue["ms"],
        "queue_commands": queue["commands"],
        "queue_kb": queue["in_kb"] + queue["out_kb"],
    }
    known |= {f"shard_{name}": found[f"queue_{name}"] + found[f"shard_{name}"] - taken for name, taken in queue.items()}
    return Cost(**{one.name: max(0.0, known.get(one.name, found.get(one.name, 0.0))) for one in fields(Cost)})


def one_client(bench: Bench, path: str, pictures: list[bytes], calls: int) -> Cost:
    """Measure calls one after the other: of one picture to know the queue's share, then of all."""

    def send(some: list[bytes], count: int) -> int:
        client = Client(bench.service, path)  # one that was idle is closed
        for number in range(count):
            client.send(some[number % len(some)])
        return count

    send(pictures, len(pictures))
    same, _ = spent(bench, partial(send, pictures[:1], calls // 2))
    skipped = len(_task_times(bench.service))
    found, _ = spent(bench, partial(send, pictures, calls))
    times = _task_times(bench.service)[skipped:]
    cv = statistics.stdev(times) / statistics.mean(times)
    return of_one(found, queue_share(same), statistics.mean(map(len, pictures)) / 1000, cv)


def many_clients(bench: Bench, path: str, pictures: list[bytes], calls: int) -> Point:
    """Measure a closed load that keeps the workers busy."""
    times: list[float] = []

    def run(number: int) -> None:
        client = Client(bench.service, path)
        turns = range(number, number + calls // CLIENTS)
        times.extend(timed_ms(partial(client.send, pictures[turn % len(pictures)])) for turn in turns)

    def work() -> int:
        threads = [threading.Thread(target=run, args=(number,)) for number in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return len(times)

    found, seconds = spent(bench, work)
    parts = {name: value for name, value in found.items() if name.endswith("_ms")}
    return Point(
        clients=CLIENTS,
        processes=cpus.available(),
        cores=sum(parts.values()) / 1000 * len(times) / seconds,
        other_ms=sum(parts.values()) - parts["worker_ms"],
        throughput=len(times) / seconds,
        median_ms=statistics.median(times),
        p95_ms=statistics.quantiles(times, n=20)[-1],
    )


def a_batch(bench: Bench, pictures: list[bytes], items: int) -> Cost:
    """Measure a batch from its upload to its last result."""

    def work() -> int:
        batch = str(ask(bench.service, "POST", "/batches", json={"name": "bench"})["id"])
        upload(bench.service, batch, {f"{number}.jpg": pictures[number % len(pictures)] for number in range(items)})
        while ask(bench.service, "GET", f"/batches/{batch}")["counts"]["completed"] < items:
            time.sleep(2)  # asking takes CPU, too
        return items

    found, _ = spent(bench, work)
    queue = {name: found[f"queue_{name}"] + found[f"shard_{name}"] for name in ("ms", "commands", "in_kb", "out_kb")}
    return of_one(found, queue, statistics.mean(map(len, pictures)) / 1000, 0.0)


def _task_times(service: Stack) -> list[float]:
    lines = (line for line in service.log("worker").splitlines() if '"task_finished"' in line)
    return [float(json.loads(line)["ms"]) for line in lines]


def _benches(keep: ExitStack, shared: Path | None) -> Iterator[Bench]:
    """Start one service that keeps nothing, then one that keeps everything."""
    common = inputs.environment(inputs.settings(shared), cpus.available()) | {
        "FACE_API_LOG_LEVEL": "info",
        "FACE_API_INFERENCE_THREADS": "1",  # with idle CPUs a task takes less time than when the service is busy
    }
    folders = [Path(keep.enter_context(tempfile.TemporaryDirectory())) for _ in range(3)]
    yield _started(keep, Stack(folders[0], common | {"FACE_API_STORAGE_ENABLED": "false"}), None, "", {})
    server = keep.enter_context(postgres.running())
    server.execute("CREATE DATABASE bench")
    node = swift.start(folders[1])
    keep.callback(node.stop)
    relay = Relay(free_port(), int(node.endpoint.rpartition(":")[2]))
    kept = node.settings() | {"s3_endpoint": f"http://127.0.0.1:{relay.server_address[1]}"}
    kept["database_url"] = url = server.url("bench")
    made = Stack(folders[2], common | {f"{config.PREFIX}{name.upper()}": value for name, value in kept.items()})
    yield _started(keep, made, relay, url, {"postgres": [server.pid], "swift": [node.process.pid]})


def _started(keep: ExitStack, made: Stack, relay: Relay | None, url: str, parts: dict[str, list[int]]) -> Bench:
    port = free_port()
    second = start_valkey(port)
    keep.callback(second.kill)
    made.settings["FACE_API_REDIS_URL"] = f"{made.redis_url},redis://127.0.0.1:{port}/0"
    keep.callback(made.stop)
    return Bench(made.start(), relay, url, parts)


def _measured(found: list[Cost]) -> str:
    rows = [f"| `{name}` | {words} | " + _cells(found, name) + " |" for name, words in MEANINGS.items()]
    kinds = " | ".join(capacity_model.KINDS)
    return "\n".join([f"| name | of one picture | {kinds} |", "|---|---|---:|---:|---:|", *rows])


def _cells(found: list[Cost], name: str) -> str:
    return " | ".join(f"{getattr(cost, name):.2f}" for cost in found)


def _point(point: Point) -> str:
    rows = [f"| `{name}` | {words} | {getattr(point, name):.2f} |" for name, words in POINT.items()]
    return "\n".join(["| name | meaning | value |", "|---|---|---:|", *rows])


def main() -> None:
    parser = inputs.parser(__doc__)
    parser.add_argument("--calls", type=int, default=120, help="how many calls are measured, each way")
    args = parser.parse_args()
    pictures = inputs.pictures(args.shared, 12)
    with ExitStack() as keep:
        benches = _benches(keep, args.shared)
        detect = one_client(next(benches), "/api/v1/detect", pictures, args.calls)
        bench = next(benches)
        mask = one_client(bench, "/api/v1/mask", pictures, args.calls)
        point = many_clients(bench, "/api/v1/mask", pictures, args.calls)
        item = a_batch(bench, pictures, args.calls)
        status = bench.service.services.engine.worker_status()
        model = f"{status.model} ({status.precision})" if status else bench.service.model
    kind = f"{cpus.available()} CPUs, {psutil.virtual_memory().total / 2**30:.0f} GiB, {_processor()}"
    text = capacity_model.PAGE.read_text()
    text = capacity_model.replaced(text, "run", f"{datetime.now(UTC):%Y-%m-%d}, {model}, {kind}.")
    text = capacity_model.replaced(text, "measured", _measured([detect, mask, item]))
    text = capacity_model.replaced(text, "point", _point(point))
    capacity_model.PAGE.write_text(capacity_model.computed(text))


def _processor() -> str:
    """Return the processor's name and what of it the network uses."""
    text = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    name = re.search(r"^model name\s*: (.+)$", text, re.MULTILINE)
    flags = [flag for flag in ("avx512_vnni", "avx512_bf16", "avx2") if f" {flag}" in text]
    return f"{name[1] if name else platform.machine()} ({', '.join(flags)})"


if __name__ == "__main__":
    main()
