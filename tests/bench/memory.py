"""What each program holds while mixed pictures come in: megabytes at the start and then again and again.

    python -m tests.bench.memory [--shared DIR] [--pictures N] [--every N]

Real pictures, every format, and broken files in an order that is the same each time; every fourth is masked, the others
are searched. RSS is what a program has in memory, PSS counts a page that several share in parts.
"""

import random
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil

from core.system import cpus
from tests.bench import inputs
from tests.bench.callers import CLIENTS, Client
from tests.stack import Stack

FOLDERS = ("wider/images", "formats", "hostile", "cases")
NO_PICTURES = {".md", ".json", ".txt"}
MEGABYTE = 2**20


def main() -> None:
    parser = inputs.parser(__doc__)
    parser.add_argument("--pictures", type=int, default=5000, help="how many are sent in all")
    parser.add_argument("--every", type=int, default=500, help="after how many the programs are measured")
    args = parser.parse_args()
    settings, processes = inputs.settings(args.shared), cpus.available()
    pictures = mixed(args.shared)
    print(
        f"{settings.model}, {processes} worker processes, {len(pictures)} different files; MB of RSS / PSS / peak RSS"
    )
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder), inputs.environment(settings, processes)).start()
        try:
            worker = psutil.Process(stack.processes["worker"].pid)
            stack.until(lambda: len(worker.children()) == processes)
            print(f"{'pictures':>8} | " + " | ".join(f"{name:^15}" for name, _ in programs(stack)))
            _report(stack, 0)
            order = random.Random(5)  # the same pictures in every run
            for sent in range(0, args.pictures, args.every):
                _send(stack, order.choices(pictures, k=min(args.every, args.pictures - sent)))
                _report(stack, min(sent + args.every, args.pictures))
        finally:
            stack.stop()


def mixed(shared: Path | None) -> list[bytes]:
    """Return the pictures of every shared folder, or drawn ones."""
    if shared is None:
        return inputs.pictures(shared, 12)
    files = [path for folder in FOLDERS for path in (shared / "data" / folder).rglob("*") if path.is_file()]
    return [path.read_bytes() for path in sorted(files) if path.suffix not in NO_PICTURES]


def programs(stack: Stack) -> Iterator[tuple[str, psutil.Process]]:
    """Yield the name and the process of each part of the service, in the same order each time."""
    for name in ("beat", "serve", "worker"):
        parent = psutil.Process(stack.processes[name].pid)
        yield name, parent
        children = sorted(parent.children(), key=lambda child: child.pid)
        yield from ((f"{name} {number}", child) for number, child in enumerate(children, 1))


def _send(stack: Stack, pictures: list[bytes]) -> None:
    """Send pictures by several clients at once; that many are refused is meant."""
    threads = [threading.Thread(target=_work, args=(stack, pictures[number::CLIENTS])) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _work(stack: Stack, pictures: list[bytes]) -> None:
    detect, mask = Client(stack, "/api/v1/detect"), Client(stack, "/api/v1/mask?verify=true")
    for number, picture in enumerate(pictures):
        (detect if number % 4 else mask).request(picture)


def _report(stack: Stack, sent: int) -> None:
    figures = []
    for _, process in programs(stack):
        memory = process.memory_full_info()
        peak = next(
            line.split()[1] for line in Path(f"/proc/{process.pid}/status").read_text().splitlines() if "HWM" in line
        )
        figures.append(f"{memory.rss / MEGABYTE:4.0f} {memory.pss / MEGABYTE:4.0f} {int(peak) * 1024 / MEGABYTE:5.0f}")
    print(f"{sent:>8} | " + " | ".join(f"{figure:^15}" for figure in figures), flush=True)


if __name__ == "__main__":
    main()
