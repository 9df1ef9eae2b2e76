"""Measure the network on an NVIDIA GPU, from a bare machine: the boxes beside the CPU's, and pictures a second.

    python -m tests.bench.gpu --weights DIR [--wheels DIR] [--provider cuda|cpu] [--seconds S]

Needs no service. --wheels: a folder of wheels to install first, of `.[gpu]` and what it needs, for a machine without
a network; they go to a temporary folder. --provider cpu tries the script itself, where there is no GPU.
For each SCRFD at hand, at 640 and 1280: batches of 1 to 32 on the device, then threads whose calls are batched.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODELS = ("scrfd_10g", "scrfd_2.5g", "scrfd_500m")
# Without what they need: the folder holds that, or the machine has it.
PIP = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-compile", "--upgrade"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, required=True, help="folder with SCRFD's files")
    parser.add_argument("--wheels", type=Path, help="folder of wheels to install first")
    parser.add_argument("--provider", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--seconds", type=float, default=3, help="length of one measurement")
    args = parser.parse_args()
    with ExitStack() as stack:
        path = [str(ROOT)]
        if args.wheels:
            path.insert(0, stack.enter_context(_installed(args.wheels)))
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([*path, os.environ.get("PYTHONPATH", "")])}
        files = [str(file) for name in MODELS if (file := args.weights.resolve() / f"{name}.onnx").exists()]
        command = [sys.executable, "-m", "tests.bench.gpu_runs", args.provider, str(args.seconds), *files]
        sys.exit(subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode)


@contextmanager
def _installed(wheels: Path) -> Iterator[str]:
    """Install wheels into a folder, and return it."""
    with tempfile.TemporaryDirectory(prefix="face-api-gpu-") as site:
        subprocess.run([*PIP, "--target", site, *map(str, sorted(wheels.glob("*.whl")))], check=True)
        yield site


if __name__ == "__main__":
    main()
