"""What HTTP, the queue and the worker cost beside the network itself: ratios within one run.

    python -m tests.bench.http [--shared DIR] [--seconds S]

Latency: /detect by one client minus the pipeline in this process, the same pictures in turn.
Throughput: /detect by many clients over bare `session.run` in as many processes as the worker has, in alternation.
The clients take their share of the same CPUs, so the second ratio is a lower bound.
"""

import argparse
import multiprocessing
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path

from core import cpus
from core.config import Settings
from core.contract.options import ResolvedDetectOptions
from core.pictures import images
from core.vision import pipeline
from core.vision.detector import OnnxDetector
from core.vision.passes import View, letterbox
from core.vision.searches import CLOSE_UP_SIZE
from tests import detectors
from tests.bench import load
from tests.bench.load import Client, timed_ms
from tests.stack import Stack

ROUNDS = 3
OPTIONS = ResolvedDetectOptions(detail="fast")  # what a call without options gets


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=None, help="folder with real pictures and weights")
    parser.add_argument("--seconds", type=float, default=10, help="length of one throughput measurement")
    args = parser.parse_args()
    settings = load.settings(args.shared)
    pictures = load.pictures(args.shared)
    processes = cpus.available()
    print(f"{settings.model}, {len(pictures)} pictures of {statistics.mean(map(len, pictures)) / 1000:.0f} KB,")
    print(f"{processes} worker processes with one thread each, {load.CLIENTS} clients")
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(
            Path(folder), load.environment(settings, processes) | {"FACE_API_STORAGE_ENABLED": "false"}
        ).start()
        try:
            _latency(stack, settings, pictures)
            _throughput(stack, settings, pictures, processes, args.seconds)
        finally:
            stack.stop()


def _latency(stack: Stack, settings: Settings, pictures: list[bytes]) -> None:
    found = detectors.load(settings)
    client = Client(stack, "/api/v1/detect")
    over_http, in_process = [], []
    for picture in pictures * 2:
        client.send(picture)
        pipeline.detect(picture, OPTIONS, found, settings.max_image_pixels)
    for picture in pictures * 6:
        over_http.append(timed_ms(partial(client.send, picture)))
        in_process.append(timed_ms(partial(pipeline.detect, picture, OPTIONS, found, settings.max_image_pixels)))
    http_ms, pipeline_ms = statistics.median(over_http), statistics.median(in_process)
    difference_ms = http_ms - pipeline_ms
    print(f"latency, median: HTTP {http_ms:.1f} ms, pipeline {pipeline_ms:.1f} ms, difference {difference_ms:.1f} ms")


def _throughput(stack: Stack, settings: Settings, pictures: list[bytes], processes: int, seconds: float) -> None:
    ratios = []
    for _ in range(ROUNDS):
        served = load.served(stack, "/api/v1/detect", pictures, seconds)
        bare = _bare(settings, pictures, processes, seconds)
        ratios.append(served / bare)
        print(f"throughput: HTTP {served:.1f}/s, bare session.run {bare:.1f}/s, ratio {served / bare:.3f}")
    print(f"throughput ratio, median of {ROUNDS}: {statistics.median(ratios):.3f}")


def _bare(settings: Settings, pictures: list[bytes], processes: int, seconds: float) -> float:
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes) as pool:
        return sum(pool.starmap(_run_bare, [(settings, pictures, seconds)] * processes, chunksize=1))


def _run_bare(settings: Settings, pictures: list[bytes], seconds: float) -> float:
    found: OnnxDetector = detectors.load(settings)
    inputs = []
    for picture in pictures:
        pixels = images.decode(picture, settings.max_image_pixels).pixels
        views = [View("main", settings.input_size), View("close_up", CLOSE_UP_SIZE)]
        inputs.append([found.runner.family.blob(letterbox(pixels, view)[0]) for view in views])
    count = 0
    started = time.perf_counter()
    while (taken := time.perf_counter() - started) < seconds:
        for blob in inputs[count % len(inputs)]:
            found.runner.network.run(blob)
        count += 1
    return count / taken


if __name__ == "__main__":
    main()
