"""What keeping costs: /mask with a Postgres and a real S3 server over /mask with storage off, within one run.

python -m tests.bench.storage [--shared DIR] [--seconds S]
"""

import argparse
import statistics
import tempfile
from contextlib import ExitStack
from pathlib import Path

from core import config, cpus
from tests import postgres, swift
from tests.bench import load
from tests.bench.load import Client, timed_ms
from tests.stack import Stack

MASK = "/api/v1/mask"
ROUNDS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=None, help="folder with real pictures and weights")
    parser.add_argument("--seconds", type=float, default=10, help="length of one throughput measurement")
    args = parser.parse_args()
    pictures = load.pictures(args.shared)
    common = load.environment(load.settings(args.shared), cpus.available())
    with ExitStack() as stack:
        server = stack.enter_context(postgres.running())
        server.execute("CREATE DATABASE bench")
        folders = [Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(3)]
        node = swift.start(folders[0])
        stack.callback(node.stop)
        kept = {f"{config.PREFIX}{name.upper()}": value for name, value in node.settings().items()}
        kept["FACE_API_DATABASE_URL"] = server.url("bench")
        on = Stack(folders[1], common | kept)
        off = Stack(folders[2], common | {"FACE_API_STORAGE_ENABLED": "false"})
        for service in (on, off):
            stack.callback(service.stop)
            service.start()
        _latency(on, off, pictures)
        _throughput(on, off, pictures, args.seconds)


def _latency(on: Stack, off: Stack, pictures: list[bytes]) -> None:
    clients = Client(on, MASK), Client(off, MASK)
    for picture in pictures:
        for client in clients:
            client.send(picture)
    times: tuple[list[float], list[float]] = [], []
    for picture in pictures * 4:
        for client, measured in zip(clients, times, strict=True):
            measured.append(timed_ms(lambda client=client, picture=picture: client.send(picture)))
    on_ms, off_ms = (statistics.median(measured) for measured in times)
    print(f"one client, median: on {on_ms:.1f} ms, off {off_ms:.1f} ms, ratio {on_ms / off_ms:.3f}")


def _throughput(on: Stack, off: Stack, pictures: list[bytes], seconds: float) -> None:
    ratios = []
    for _ in range(ROUNDS):
        kept, lost = (load.served(service, MASK, pictures, seconds) for service in (on, off))
        ratios.append(kept / lost)
        print(f"throughput: on {kept:.1f}/s, off {lost:.1f}/s, ratio {kept / lost:.3f}")
    print(f"throughput ratio, median of {ROUNDS}: {statistics.median(ratios):.3f}")


if __name__ == "__main__":
    main()
