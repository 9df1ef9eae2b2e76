"""The measurements of tests/bench/gpu.py, with its arguments, in a process that has the wheels."""

import sys
import tempfile
import time
from argparse import Namespace
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime

from core.vision.families import scrfd
from core.vision.passes import Runner, View
from core.vision.runtimes import quantization, samples, self_tests
from core.vision.runtimes.batching import BatchingNetwork
from core.vision.runtimes.cuda_runtime import CudaSession
from core.vision.runtimes.networks import Blob, Network
from core.vision.runtimes.onnx_runtime import OrtNetwork
from tests.bench import gpu, gpu_service

BATCHES = (1, 2, 4, 8, 16, 32)
SIZES = ((640, 448), (640, 640), (1280, 1280))  # width, height
QUICK_BATCHES, QUICK_SIZES = (1, 2), ((320, 320),)
THREADS = 32
WARM_RUNS = 2


def main() -> None:
    args = gpu.arguments()
    print(f"onnxruntime {onnxruntime.__version__}, {args.provider}")
    files = [file for name in args.models if (file := args.weights / f"{name}.onnx").exists()]
    if not files:
        sys.exit("there are no files of SCRFD in --weights")
    batches = QUICK_BATCHES if args.quick else BATCHES
    print("\nPictures a second of the network by size of batch; with threads, canvases are made beside it:\n")
    print(f"| model | input | {' | '.join(map(str, batches))} | {THREADS} threads |\n|{'---|' * (len(batches) + 3)}")
    problems = [problem for file in files if (problem := _measure(file, args, batches))]
    if args.workers:
        gpu_service.measure(args)
    if problems:
        sys.exit("\n".join(problems))
    print("\nThe faces are those of the CPU.")


def _measure(file: Path, args: Namespace, batches: tuple[int, ...]) -> str:
    """Print the rows of a model; return in which way its faces differ from the CPU's."""
    with tempfile.TemporaryDirectory() as folder:
        batched = Path(folder) / "batched.onnx"
        batched.write_bytes(quantization.batched(file, scrfd))
        device: Network = CudaSession(batched) if args.provider == "cuda" else OrtNetwork(batched, threads=1)
        problem = self_tests.difference(Runner(OrtNetwork(file, threads=1), scrfd), Runner(device, scrfd))
        for width, height in QUICK_SIZES if args.quick else SIZES:
            print(f"| {file.stem} | {width} × {height}", end="", flush=True)
            for count in batches:
                a_second = _batches_a_second(device, _blob(width, height, count), args.seconds) * count
                print(f" | {a_second:,.0f}", end="", flush=True)
            threads = f"{_threads(device, width, args.seconds):,.0f}" if width == height else ""
            print(f" | {threads} |")
    return f"{file.stem}: {problem}" if problem else ""


def _blob(width: int, height: int, count: int) -> Blob:
    picture = np.resize(samples.group(), (height, width, 3)).astype(np.uint8)
    return np.repeat(picture[None], count, axis=0)


def _batches_a_second(network: Network, blob: Blob, seconds: float) -> float:
    for _ in range(WARM_RUNS):
        network.run(blob)
    runs, started = 0, time.perf_counter()
    while (took := time.perf_counter() - started) < seconds or not runs:
        network.run(blob)
        runs += 1
    return runs / took


def _threads(network: Network, size: int, seconds: float) -> float:
    """Return how many pictures a second threads get through passes of this size."""
    runner = Runner(BatchingNetwork(network), scrfd)
    picture, view = samples.group(), View("main", size)
    stop = time.perf_counter() + seconds

    def work(_: int) -> int:
        done = 0
        while time.perf_counter() < stop or not done:
            runner.infer(picture, view, self_tests.SURE_SCORE)
            done += 1
        return done

    started = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as threads:
        return sum(threads.map(work, range(THREADS))) / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
