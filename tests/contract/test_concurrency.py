"""Many clients at once: each gets the answer to its own picture, and nothing is left behind."""

import http.client
import random
import re
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
import redis
import requests
from PIL import Image

from tests.contract import pictures
from tests.contract.calls import DETECT, MASK, TIMEOUT_S, detected
from tests.stack import Stack

CLIENTS = 32
QUEUES = ("interactive", "maintenance", "batch")
SETTLE_S = 120  # chosen: longer than the slowest job that may still be on its way
# What outlives a job. No pattern stands for more than an id.
LASTING_KEYS = {
    "face-api:worker",
    "face-api:processes",
    "face-api:costs",
    "face-api:maintenance",
    "face-api:counters",
    "_kombu.binding_deadlines",
    "_kombu.binding.celery.pidbox",
    "_kombu.binding.reply.celery.pidbox",
    *(f"_kombu.{kind}.{queue}" for kind in ("binding", "binding_permanent") for queue in QUEUES),
}
LASTING_NAMES = re.compile(
    r"face-api:session:sealed:[0-9a-f-]{36}"
    r"|face-api:failed-logins:[0-9a-f.:]+"
    r"|LIMITS:LIMITER/face-api/[^/]+/(public\.(detect_faces|mask_image)|admin_session\.log_in)/[0-9]+/1/minute"
)


@dataclass(frozen=True)
class Sample:
    """A picture and what its answer must say."""

    file: bytes
    size: tuple[int, int]
    faces: int
    boxes: list[dict[str, float]]


@dataclass
class Tally:
    """What the clients saw."""

    answered: int = 0
    wrong: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, complaint: str | None) -> None:
        """Count one answer."""
        with self.lock:
            self.answered += 1
            if complaint:
                self.wrong.append(complaint)


def crowd() -> list[Image.Image]:
    """Pictures of which no two have the same size."""
    return [
        pictures.astronaut(),
        pictures.hopper(),
        pictures.landscape(400, 300),
        pictures.landscape(333, 640),
        pictures.group(2, 1, 200),
        pictures.group(2, 2, 150),
        pictures.group(3, 1, 170),
        pictures.group(3, 2, 160),
        pictures.close_up(300, 360),
    ]


@pytest.fixture(scope="module")
def samples(service: Stack) -> list[Sample]:
    """Each picture with the answer that it gets when nobody else asks."""
    found = []
    for picture in crowd():
        file = pictures.encoded(picture, "JPEG", quality=90)
        answer = detected(service, file)
        boxes = [face["bbox"] for face in answer["detections"]]
        found.append(Sample(file, picture.size, answer["summary"]["face_count"], boxes))
    assert len({sample.size for sample in found}) == len(found)
    assert len({sample.faces for sample in found}) >= 5
    return found


def complaint(sample: Sample, response: requests.Response, request_id: str) -> str | None:
    """What is wrong with this answer, if anything is."""
    if response.status_code != 200:
        return f"{response.status_code}: {response.text[:200]}"
    if response.headers["X-Request-Id"] != request_id:
        return "another request's id"
    if response.headers["Content-Type"].startswith("image/"):
        seen = (pictures.decoded(response.content).size, int(response.headers["X-Face-Count"]))
    else:
        body = response.json()
        seen = ((body["image"]["width"], body["image"]["height"]), body["summary"]["face_count"])
        if [face["bbox"] for face in body["detections"]] != sample.boxes:
            return f"other boxes than alone for {sample.size}"
    return None if seen == (sample.size, sample.faces) else f"{seen} for {(sample.size, sample.faces)}"


def client(service: Stack, samples: list[Sample], tally: Tally, seed: int, end: float) -> None:
    """Send pictures until the end, in an order of its own."""
    order = random.Random(seed)
    with requests.Session() as session:
        session.headers["X-API-Key"] = service.key
        while time.monotonic() < end:
            sample, request_id = order.choice(samples), str(uuid.uuid4())
            path, query = order.choice([(DETECT, {}), (MASK, {}), (MASK, {"format": "png", "method": "solid"})])
            response = session.post(
                service.url + path,
                params=query,
                headers={"X-Request-Id": request_id},
                files={"image": sample.file},
                timeout=TIMEOUT_S,
            )
            tally.add(complaint(sample, response, request_id))


def keys_of_jobs(service: Stack) -> set[str]:
    """Names in Redis, but those of limits, heartbeats and Celery's own."""
    with redis.Redis.from_url(service.redis_url) as store:
        names = [name.decode("latin-1") for name in store.scan_iter(count=1000)]
    return {name for name in names if name not in LASTING_KEYS and not LASTING_NAMES.fullmatch(name)}


def left_over(service: Stack, before: set[str]) -> set[str]:
    """What is there that was not there before, once the last job has had time to end."""
    end = time.monotonic() + SETTLE_S
    while (left := keys_of_jobs(service) - before) and time.monotonic() < end:
        time.sleep(0.5)
    return left


@pytest.fixture(scope="module")
def idle_keys(service: Stack, samples: list[Sample]) -> set[str]:
    """What Redis holds while nobody asks anything, after some have asked."""
    assert samples
    time.sleep(1)
    found = keys_of_jobs(service)
    assert len(found) < 10
    return found


@pytest.fixture(scope="module")
def soak(request: pytest.FixtureRequest, service: Stack, samples: list[Sample], idle_keys: set[str]) -> Tally:
    """What 32 clients saw who asked all at once for a while."""
    assert not {name for name in idle_keys if "job" in name}
    tally = Tally()
    end = time.monotonic() + request.config.getoption("--soak-seconds")
    with ThreadPoolExecutor(CLIENTS) as pool:
        running = [pool.submit(client, service, samples, tally, seed, end) for seed in range(CLIENTS)]
        for one in running:
            one.result()
    return tally


def test_each_client_gets_its_answer(soak: Tally) -> None:
    assert soak.wrong == []
    assert soak.answered >= CLIENTS


def test_no_job_stays_in_redis(soak: Tally, service: Stack, idle_keys: set[str]) -> None:
    assert soak.answered
    assert left_over(service, idle_keys) == set()


def test_abandoned_calls_leave_nothing(service: Stack, samples: list[Sample], idle_keys: set[str]) -> None:
    for sample in samples:
        with pytest.raises(requests.Timeout):
            requests.post(
                service.url + MASK,
                headers={"X-API-Key": service.key},
                files={"image": sample.file},
                timeout=(5, 0.005),
            )
    assert left_over(service, idle_keys) == set()


def refused(service: Stack, size: int) -> tuple[http.client.HTTPConnection, bool]:
    """Upload so much without a key; the connection, still open, and whether the answer says that it ends."""
    connection = http.client.HTTPConnection(urlsplit(service.url).netloc, timeout=30)
    connection.request("POST", MASK, body=bytes(size), headers={"Content-Type": "image/jpeg"})
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 401
    return connection, (answer.getheader("Connection") or "").lower() == "close"


def health_wait(service: Stack) -> float:
    """Ask for the health; return how long that took, in seconds."""
    began = time.monotonic()
    assert requests.get(service.url + "/health", timeout=30).status_code == 200
    return time.monotonic() - began


@pytest.mark.parametrize("size", [1_000, 100_000, 2_000_000])
def test_refused_upload_delays_nobody(service: Stack, size: int) -> None:
    alone = [health_wait(service) for _ in range(5)]
    open_still, waits = [], []
    for _ in range(5):
        open_still.append(refused(service, size)[0])
        waits.append(health_wait(service))
    for connection in open_still:
        connection.close()
    # The ones in the middle: a busy machine may hold up some. A thread that is held is held for seconds.
    assert sorted(waits)[2] < max(2.0, 100 * sorted(alone)[2])


@pytest.mark.parametrize("size", [1_000, 100_000, 2_000_000])
def test_refusal_tells_connections_fate(service: Stack, size: int) -> None:
    connection, ends = refused(service, size)
    if not ends:
        connection.request("GET", "/health")
        assert connection.getresponse().status == 200
    connection.close()


def test_service_is_well_afterwards(soak: Tally, service: Stack) -> None:
    assert soak.answered
    assert requests.get(service.url + "/health", timeout=30).status_code == 200
