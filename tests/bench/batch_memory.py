"""What each process of a service holds after a tenth of the pictures of a large batch, and after all of them.

python -m tests.bench.batch_memory [--shared DIR] [--items N]
"""

import tempfile
from functools import partial
from pathlib import Path

import psutil

from core.system import cpus
from tests.bench import inputs
from tests.bench.batches import has_finished
from tests.faults import crops
from tests.faults.calls import ask, upload
from tests.stack import Stack


def main() -> None:
    parser = inputs.parser(__doc__)
    parser.add_argument("--items", type=int, default=5000, help="how many pictures the batch has")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        service = Stack(Path(folder), inputs.environment(inputs.settings(args.shared), cpus.available()))
        try:
            _memory(service.start(), args.shared, args.items)
        finally:
            service.stop()


def _memory(service: Stack, shared: Path | None, count: int) -> None:
    pictures = list(crops.made(200, shared).values())
    options = {"detail": "fast"}
    batch = str(ask(service, "POST", "/batches", json={"name": "memory", "options": options})["id"])
    every = {f"{number}.jpg": pictures[number % len(pictures)] for number in range(count)}
    early: dict[str, float] = {}
    for start in range(0, count, 500):
        names = list(every)[start : start + 500]
        upload(service, batch, {name: every[name] for name in names})
        service.until(partial(has_finished, service, min(count, start + 500) - 4), 1800)
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
