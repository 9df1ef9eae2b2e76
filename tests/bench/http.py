"""What HTTP, the queue and the worker cost beside the network itself: ratios within one run.

    python -m tests.bench.http [--shared DIR] [--seconds S]

Latency: /detect by one client minus the pipeline in this process, the same pictures in turn.
Throughput: /detect by many clients over bare `session.run` in as many processes as the worker has, in alternation.
The clients take their share of the same CPUs, so the second ratio is a lower bound.
"""

import argparse
import http.client
import multiprocessing
import statistics
import tempfile
import threading
import time
from pathlib import Path

import cv2
import skimage.data

from core import config, cpus
from core.config import Settings
from core.results import DetectOptions
from core.vision import detector, pipeline
from core.vision.detector import CLOSE_UP_SIZE, OnnxDetector, letterbox
from tests.stack import ROOT, Stack

CLIENTS = 8
PICTURES = 12
PICTURE_BYTES = 300_000
ROUNDS = 3
BOUNDARY = "bench"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=None, help="folder with real pictures and weights")
    parser.add_argument("--seconds", type=float, default=10, help="length of one throughput measurement")
    args = parser.parse_args()
    settings = _settings(args.shared)
    pictures = _pictures(args.shared)
    processes = cpus.available()
    print(f"{settings.model}, {len(pictures)} pictures of {statistics.mean(map(len, pictures)) / 1000:.0f} KB,")
    print(f"{processes} worker processes with one thread each, {CLIENTS} clients")
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder), _environment(settings, processes)).start()
        try:
            _latency(stack, settings, pictures)
            _throughput(stack, settings, pictures, processes, args.seconds)
        finally:
            stack.stop()


def _latency(stack: Stack, settings: Settings, pictures: list[bytes]) -> None:
    found = detector.load(settings)
    client = _Client(stack)
    over_http, in_process = [], []
    for picture in pictures * 2:
        client.detect(picture)
        pipeline.detect(picture, DetectOptions(), found, settings.max_image_pixels)
    for picture in pictures * 6:
        over_http.append(_ms(lambda picture=picture: client.detect(picture)))
        in_process.append(
            _ms(lambda picture=picture: pipeline.detect(picture, DetectOptions(), found, settings.max_image_pixels))
        )
    http_ms, pipeline_ms = statistics.median(over_http), statistics.median(in_process)
    difference_ms = http_ms - pipeline_ms
    print(f"latency, median: HTTP {http_ms:.1f} ms, pipeline {pipeline_ms:.1f} ms, difference {difference_ms:.1f} ms")


def _throughput(stack: Stack, settings: Settings, pictures: list[bytes], processes: int, seconds: float) -> None:
    ratios = []
    for _ in range(ROUNDS):
        served = _served(stack, pictures, seconds)
        bare = _bare(settings, pictures, processes, seconds)
        ratios.append(served / bare)
        print(f"throughput: HTTP {served:.1f}/s, bare session.run {bare:.1f}/s, ratio {served / bare:.3f}")
    print(f"throughput ratio, median of {ROUNDS}: {statistics.median(ratios):.3f}")


def _served(stack: Stack, pictures: list[bytes], seconds: float) -> float:
    counts = [0] * CLIENTS
    stop = time.perf_counter() + seconds

    def work(number: int) -> None:
        client = _Client(stack)
        while time.perf_counter() < stop:
            client.detect(pictures[(number + counts[number]) % len(pictures)])
            counts[number] += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(CLIENTS)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - started)


def _bare(settings: Settings, pictures: list[bytes], processes: int, seconds: float) -> float:
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes) as pool:
        return sum(pool.starmap(_run_bare, [(settings, pictures, seconds)] * processes, chunksize=1))


def _run_bare(settings: Settings, pictures: list[bytes], seconds: float) -> float:
    found: OnnxDetector = detector.load(settings)
    inputs = []
    for picture in pictures:
        pixels = pipeline.images.decode(picture, settings.max_image_pixels).pixels
        inputs.append([found._family.blob(letterbox(pixels, size)[0]) for size in (settings.input_size, CLOSE_UP_SIZE)])
    count = 0
    started = time.perf_counter()
    while (taken := time.perf_counter() - started) < seconds:
        for blob in inputs[count % len(inputs)]:
            found._network.run(blob)
        count += 1
    return count / taken


class _Client:
    """A client that costs little: one kept connection, no parsing."""

    def __init__(self, stack: Stack) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=60)
        self.headers = {"X-API-Key": stack.key, "Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}

    def detect(self, picture: bytes) -> None:
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n'
        body = head.encode() + picture + f"\r\n--{BOUNDARY}--\r\n".encode()
        self.connection.request("POST", "/api/v1/detect", body, self.headers)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise RuntimeError(text)


def _ms(call: object) -> float:
    started = time.perf_counter()
    call()  # type: ignore[operator]  # a lambda
    return (time.perf_counter() - started) * 1000


def _settings(shared: Path | None) -> Settings:
    if shared and (shared / "data/weights/scrfd_2.5g.onnx").exists():
        folder = (shared / "data/weights").resolve()
        return config.read(model="scrfd_2.5g", weights_dir=folder, inference_threads=1)
    return config.read(model="centerface", weights_dir=ROOT / "weights", inference_threads=1)


def _environment(settings: Settings, processes: int) -> dict[str, str]:
    return {
        "FACE_API_MODEL": settings.model,
        "FACE_API_WEIGHTS_DIR": str(settings.weights_dir),
        "FACE_API_WORKER_PROCESSES": str(processes),
        "FACE_API_INFERENCE_THREADS": "1",
        "FACE_API_LOG_LEVEL": "warning",
    }


def _pictures(shared: Path | None) -> list[bytes]:
    """Return real pictures of about the size that is asked about, or drawn ones."""
    if shared and (shared / "data/wider/images").is_dir():
        found = [path.read_bytes() for path in (shared / "data/wider/images").rglob("*.jpg")]
        return sorted(found, key=lambda data: abs(len(data) - PICTURE_BYTES))[:PICTURES]
    portrait = cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2BGR)
    large = cv2.resize(portrait, (1024, 1024), interpolation=cv2.INTER_CUBIC)
    return [
        cv2.imencode(".jpg", large, [cv2.IMWRITE_JPEG_QUALITY, 88 + shade % 8])[1].tobytes()
        for shade in range(PICTURES)
    ]


if __name__ == "__main__":
    main()
