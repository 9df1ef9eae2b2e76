"""Masks a second of the service over HTTP, by the number of workers that share a GPU: a part of tests/bench/gpu.py."""

import os
import shutil
import sys
import tempfile
from argparse import Namespace
from pathlib import Path

from core.config import ROOT
from tests.bench import inputs
from tests.bench.callers import Calls
from tests.stack import PROGRAMS, Stack

PICTURES = 24
MASK = "/api/v1/mask"
TIMES_LONGER = 10  # chosen: a measurement of the service lasts so many of the network's


def measure(args: Namespace) -> None:
    """Print a table: each number of workers with the device, then one worker without a GPU."""
    if not (args.weights / f"{args.served}.onnx").exists():
        sys.exit(f"there is no {args.served}.onnx in --weights")
    pictures = _pictures(args.pictures)
    with_what = f"{args.served}, {len(pictures)} pictures, {args.clients} clients, default options"
    print(f"\nMasks a second over HTTP: {with_what}\n")
    print("| workers | runtime | masks a second | turned away |\n|---|---|---|---|")
    device = "cuda" if args.provider == "cuda" else "onnxruntime"
    rows = [(count, device) for count in args.workers] + ([(1, "onnxruntime")] if device == "cuda" else [])
    for workers, runtime in rows:
        with tempfile.TemporaryDirectory(prefix="face-api-gpu-") as folder:
            masks, refused = _measured(Path(folder), args, workers, runtime, pictures)
        print(f"| {workers} | {runtime} | {masks:,.1f} | {refused} |", flush=True)


def _measured(folder: Path, args: Namespace, workers: int, runtime: str, pictures: list[bytes]) -> tuple[float, int]:
    """Return masks a second of a service of its own, and how many calls it turned away."""
    weights = folder / "weights"
    weights.mkdir()
    shutil.copy(args.weights / f"{args.served}.onnx", weights)  # what the service makes of it lies beside it
    settings = {
        "FACE_API_MODEL": args.served,
        "FACE_API_WEIGHTS_DIR": str(weights),
        "FACE_API_RUNTIME": runtime,
        "FACE_API_LOG_LEVEL": "warning",
    }
    more = [f"worker {number}" for number in range(2, workers + 1)]
    stack = Stack(folder, settings, programs=[*PROGRAMS, *more])
    # A stack's programs have a path of their own, without the wheels.
    path = f"PYTHONPATH={os.environ.get('PYTHONPATH', ROOT)}"
    known = {name: stack.command(name) for name in PROGRAMS} | dict.fromkeys(more, stack.command("worker"))
    stack.commands = {name: ["env", path, *command] for name, command in known.items()}
    try:
        stack.start()
        calls = Calls("masks", stack, MASK, args.clients, pictures)
        calls.work(args.seconds)  # each worker plans the network for each shape
        done = calls.work(args.seconds * TIMES_LONGER)
    finally:
        stack.stop()
    return done.pictures / done.elapsed_s, done.refused


def _pictures(folder: Path | None) -> list[bytes]:
    if folder is None:
        return inputs.pictures(None, PICTURES)
    return [path.read_bytes() for path in sorted(folder.rglob("*.jpg"))[:PICTURES]]
