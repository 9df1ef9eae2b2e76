"""What the benches share: pictures, a service's settings, and clients that cost little."""

import http.client
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import psutil
import skimage.data

from core import config
from core.config import Settings
from tests.stack import ROOT, Stack

CLIENTS = 8
PICTURES = 12
PICTURE_BYTES = 300_000
BOUNDARY = "bench"


class Client:
    """One kept connection, no parsing."""

    def __init__(self, stack: Stack, path: str) -> None:
        self.path = path
        self.connection = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=60)
        self.headers = {"X-API-Key": stack.key, "Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}

    def send(self, picture: bytes) -> None:
        """Send a picture and wait for the answer, which must be 200."""
        status, text = self.request(picture)
        if status != 200:
            raise RuntimeError(text)

    def request(self, picture: bytes) -> tuple[int, bytes]:
        """Send a picture; return status and body."""
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n'
        body = head.encode() + picture + f"\r\n--{BOUNDARY}--\r\n".encode()
        self.connection.request("POST", self.path, body, self.headers)
        answer = self.connection.getresponse()
        return answer.status, answer.read()


def served(stack: Stack, path: str, pictures: list[bytes], seconds: float) -> float:
    """Return how many pictures a second are answered to many clients at once."""
    counts = [0] * CLIENTS
    stop = time.perf_counter() + seconds

    def work(number: int) -> None:
        client = Client(stack, path)
        while time.perf_counter() < stop:
            client.send(pictures[(number + counts[number]) % len(pictures)])
            counts[number] += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(CLIENTS)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - started)


def cpu_s(pids: Iterable[int]) -> float:
    """Sum the seconds of CPU that these processes and all below them have taken since they began."""
    total = 0.0
    for pid in pids:
        process = psutil.Process(pid)
        for one in [process, *process.children(recursive=True)]:
            times = one.cpu_times()
            total += times.user + times.system
    return total


def timed_ms(call: Callable[[], object]) -> float:
    """Return how long a call takes."""
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) * 1000


def settings(shared: Path | None) -> Settings:
    """Return the settings of the model at hand."""
    if shared and (shared / "data/weights/scrfd_2.5g.onnx").exists():
        folder = (shared / "data/weights").resolve()
        return config.read(model="scrfd_2.5g", weights_dir=folder, inference_threads=1)
    return config.read(model="centerface", weights_dir=ROOT / "weights", inference_threads=1)


def environment(made: Settings, processes: int) -> dict[str, str]:
    """Return what a service is started with for a bench."""
    return {
        "FACE_API_MODEL": made.model,
        "FACE_API_WEIGHTS_DIR": str(made.weights_dir),
        "FACE_API_WORKER_PROCESSES": str(processes),
        "FACE_API_INFERENCE_THREADS": "1",
        "FACE_API_LOG_LEVEL": "warning",
    }


def pictures(shared: Path | None) -> list[bytes]:
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
