"""What keeping costs: /mask with a Postgres and a real S3 server over /mask with storage off, within one run.

    python -m tests.bench.storage [--shared DIR] [--seconds S] [--store swift|folder]

All share this machine's CPUs, so beside the clock's ratios stand the CPU times a call of each part: those say what the
service itself spends, and what the store and the database would spend on a machine of their own.
"""

import argparse
import statistics
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from core import config, cpus
from tests import postgres, swift
from tests.bench import load
from tests.bench.load import Client, timed_ms
from tests.stack import Stack

MASK = "/api/v1/mask"
ROUNDS = 3


@dataclass(frozen=True)
class Bench:
    """A service that keeps, one that doesn't, and the processes of what the first keeps in."""

    on: Stack
    off: Stack
    tiers: dict[str, list[int]]
    pictures: list[bytes]

    def served(self, service: Stack, seconds: float) -> tuple[float, dict[str, float]]:
        """Tell how many calls are answered a second, and the milliseconds of CPU of each part for one of them."""
        parts = {name: [process.pid] for name, process in service.processes.items()} | self.tiers
        before = {name: load.cpu_s(pids) for name, pids in parts.items()}
        rate = load.served(service, MASK, self.pictures, seconds)
        count = rate * seconds
        return rate, {name: (load.cpu_s(pids) - before[name]) * 1000 / count for name, pids in parts.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=None, help="folder with real pictures and weights")
    parser.add_argument("--seconds", type=float, default=10, help="length of one throughput measurement")
    parser.add_argument("--store", choices=["swift", "folder"], default="swift", help="what the pictures are kept in")
    args = parser.parse_args()
    common = load.environment(load.settings(args.shared), cpus.available())
    with ExitStack() as stack:
        server = stack.enter_context(postgres.running())
        server.execute("CREATE DATABASE bench")
        tiers = {"postgres": [server.pid]}
        folders = [Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(3)]
        kept = {"database_url": server.url("bench")}
        if args.store == "swift":
            node = swift.start(folders[0])
            stack.callback(node.stop)
            kept |= node.settings()
            tiers["swift"] = [node.process.pid]
        on = Stack(folders[1], common | {f"{config.PREFIX}{name.upper()}": value for name, value in kept.items()})
        off = Stack(folders[2], common | {"FACE_API_STORAGE_ENABLED": "false"})
        for service in (on, off):
            stack.callback(service.stop)
            service.start()
        bench = Bench(on, off, tiers, load.pictures(args.shared))
        _latency(bench)
        _throughput(bench, args.seconds)


def _latency(bench: Bench) -> None:
    clients = Client(bench.on, MASK), Client(bench.off, MASK)
    for picture in bench.pictures:
        for client in clients:
            client.send(picture)
    times: tuple[list[float], list[float]] = [], []
    for picture in bench.pictures * 6:
        for client, measured in zip(clients, times, strict=True):
            measured.append(timed_ms(partial(client.send, picture)))
    on_ms, off_ms = (statistics.median(measured) for measured in times)
    print(f"one client, median: on {on_ms:.1f} ms, off {off_ms:.1f} ms, ratio {on_ms / off_ms:.3f}")


def _throughput(bench: Bench, seconds: float) -> None:
    ratios, spent = [], []
    for _ in range(ROUNDS):
        (kept, cpu_on), (lost, cpu_off) = (bench.served(service, seconds) for service in (bench.on, bench.off))
        ratios.append(kept / lost)
        spent.append((cpu_on, cpu_off))
        print(f"throughput: on {kept:.1f}/s, off {lost:.1f}/s, ratio {ratios[-1]:.3f}")
    print(f"throughput ratio, median of {ROUNDS}: {statistics.median(ratios):.3f}")
    _print_cpu([on for on, _ in spent], [off for _, off in spent], set(bench.tiers))


def _print_cpu(on: list[dict[str, float]], off: list[dict[str, float]], tiers: set[str]) -> None:
    """Print what a call takes of the CPUs, by part: medians of the rounds."""
    kept, lost = ({name: statistics.median(one[name] for one in some) for name in some[0]} for some in (on, off))
    for name, cpu_ms in kept.items():
        beside = "" if name in tiers else f", off {lost[name]:.2f} ms"
        print(f"CPU a call, {name}: on {cpu_ms:.2f} ms{beside}")
    own_on, own_off = (sum(cpu for name, cpu in some.items() if name not in tiers) for some in (kept, lost))
    print(f"CPU a call, the service alone: on {own_on:.2f} ms, off {own_off:.2f} ms, off ÷ on {own_off / own_on:.3f}")


if __name__ == "__main__":
    main()
