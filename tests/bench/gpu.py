"""Measure the network and the service on an NVIDIA GPU, from a bare machine: faces beside the CPU's, pictures a second.

    python -m tests.bench.gpu --weights DIR [--wheels DIR] [--workers 1 4 --pictures DIR]

Prints tables as docs/deployment.md has them. For each SCRFD at hand: batches of 1 to 32 on the device, then threads
whose calls are batched. With --workers: masks a second of the service over HTTP, by the number of its workers, and
without the GPU. --wheels: a folder of wheels to install first, of `.[gpu]` and what it needs, for a machine without a
network; they go to a temporary folder. --provider cpu tries the script itself, where there is no GPU.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODELS = ("scrfd_10g", "scrfd_2.5g", "scrfd_500m")
# Without what they need: the folder holds that, or the machine has it.
PIP = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-compile", "--upgrade"]


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the arguments, of this script and of what it runs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, required=True, help="folder with SCRFD's files")
    parser.add_argument("--wheels", type=Path, help="folder of wheels to install first")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS)
    parser.add_argument("--provider", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--seconds", type=float, default=3, help="length of one measurement; of the service, ten times")
    parser.add_argument("--workers", type=int, nargs="+", default=[], help="numbers of workers of the service")
    parser.add_argument("--served", choices=MODELS, default="scrfd_2.5g", help="the service's model")
    parser.add_argument("--clients", type=int, default=48, help="of the service, at once")
    parser.add_argument("--pictures", type=Path, help="folder of photographs for the service; without it, drawn ones")
    parser.add_argument("--quick", action="store_true", help="only see that it works: one size, two batches")
    return parser.parse_args(given)


def main(given: Sequence[str]) -> int:
    """Run the measurements in a process that has the wheels; return its exit status."""
    args = arguments(given)
    with ExitStack() as stack:
        path = [str(ROOT)]
        if args.wheels:
            path.insert(0, stack.enter_context(_installed(args.wheels)))
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([*path, os.environ.get("PYTHONPATH", "")])}
        command = [sys.executable, "-m", "tests.bench.gpu_runs", *given]
        return subprocess.run(command, env=environment, check=False).returncode


@contextmanager
def _installed(wheels: Path) -> Iterator[str]:
    """Install wheels into a folder, and return it."""
    with tempfile.TemporaryDirectory(prefix="face-api-gpu-") as site:
        subprocess.run([*PIP, "--target", site, *map(str, sorted(wheels.glob("*.whl")))], check=True)
        yield site


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
