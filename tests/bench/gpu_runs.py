"""The measurements of tests/bench/gpu.py, in a process that has the wheels: PROVIDER SECONDS FILE..."""

import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime

from core.vision import scrfd
from core.vision.passes import Runner, View
from core.vision.runtimes import quantization, samples, self_tests
from core.vision.runtimes.batching import BatchingNetwork
from core.vision.runtimes.cuda_runtime import CudaSession
from core.vision.runtimes.networks import Blob, Network
from core.vision.runtimes.onnx_runtime import OrtNetwork

BATCHES = (1, 2, 4, 8, 16, 32)
SIZES = (640, 1280)
THREADS = 32
WARM_RUNS = 2


def main() -> None:
    provider, seconds, *files = sys.argv[1:]
    print(f"onnxruntime {onnxruntime.__version__}, {provider}")
    if not files:
        sys.exit("there are no files of SCRFD in --weights")
    problems = [problem for file in files if (problem := _measure(Path(file), provider, float(seconds)))]
    if problems:
        sys.exit("\n".join(problems))


def _measure(file: Path, provider: str, seconds: float) -> str:
    """Print the figures of a model; return in which way its faces differ from the CPU's."""
    with tempfile.TemporaryDirectory() as folder:
        batched = Path(folder) / "batched.onnx"
        batched.write_bytes(quantization.batched(file, scrfd))
        device: Network = CudaSession(batched) if provider == "cuda" else OrtNetwork(batched, threads=1)
        problem = self_tests.difference(Runner(OrtNetwork(file, threads=1), scrfd), Runner(device, scrfd))
        print(f"\n{file.stem}: {problem or 'the same faces as on the CPU'}")
        for size in SIZES:
            print(f"  {size} x {size}, pictures a second by batch:", end="", flush=True)
            for count in BATCHES:
                print(
                    f"  {count}: {_batches_a_second(device, _blob(size, count), seconds) * count:.0f}",
                    end="",
                    flush=True,
                )
            print(f"\n  {THREADS} threads, canvases made beside it: {_threads(device, size, seconds):.0f}")
    return f"{file.stem}: {problem}" if problem else ""


def _blob(size: int, count: int) -> Blob:
    square = np.resize(samples.group(), (size, size, 3)).astype(np.uint8)
    return np.repeat(square[None], count, axis=0)


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
