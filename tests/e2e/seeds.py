"""Data for the console: really masked pictures, and the rows of a busy month."""

import random
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import requests

from core import maintenance
from core.database.clock import now
from core.records.rows import StoredJob
from core.storage import objects
from tests import clips, pictures
from tests.clips import Clip
from tests.contract.admin import basic, body, kept
from tests.contract.calls import MASK, upload
from tests.core import rows
from tests.stack import Stack

ERRORS = (
    "The picture does not decode completely",
    "the process that worked on this picture died",
    "there was no answer within 30 s",
)
DAYS = 30
BAND = '[{"unit": "relative", "x1": 0, "y1": 0.9, "x2": 1, "y2": 1}]'  # regions: the lowest tenth of a picture


def fill(service: Stack) -> None:
    """Fill a service with all kinds of data."""
    busy_month(service)
    gallery(service)
    doubtful(service)
    batch(service, "Harbour festival", 11)
    batch(service, "Portraits of the board", 3, broken=0, close=False)
    video(service)
    service.make_key("the photo desk")
    service.revoked_key()


def masked(service: Stack, name: str, file: bytes, **options: object) -> requests.Response:
    """Mask and store a picture under a name."""
    answer = requests.post(
        service.url + MASK,
        params={key: str(value) for key, value in options.items()},
        files={"image": (name, file, "image/jpeg")},
        headers={"X-API-Key": service.key},
        timeout=60,
    )
    assert answer.status_code == 200, answer.text
    return answer


def portrait() -> bytes:
    """Return a photograph of one person, in the public domain."""
    return pictures.file(pictures.astronaut(), "jpeg", quality=92)


def officer() -> bytes:
    """Return another one."""
    return pictures.file(pictures.grace_hopper(), "jpeg", quality=92)


def gallery(service: Stack) -> None:
    """Store pictures masked by every method."""
    for number, method in enumerate(("elliptical", "solid", "pixelate", "gaussian")):
        masked(service, f"portrait {number + 1}.jpg", portrait(), method=method)
        masked(service, f"officer {number + 1}.jpg", officer(), method=method)
    upload(service, "/api/v1/detect", officer())


def doubtful(service: Stack) -> StoredJob:
    """Store a masked picture with a certain and a doubtful face, which waits for review."""
    certain = {"index": 0, "bbox": {"x1": 180.9, "y1": 55.7, "x2": 270.6, "y2": 178.5}, "confidence": 0.8221}
    doubtful_face = {"index": 1, "bbox": {"x1": 312.0, "y1": 318.0, "x2": 402.0, "y2": 440.0}, "confidence": 0.3127}
    file = portrait()
    job = kept(
        service,
        filename="hangar.jpg",
        detections=[certain | {"landmarks": None}, doubtful_face | {"landmarks": None, "review": True}],
        face_count=2,
        review_state="pending",
        report={"near_misses": [{"box": [40, 300, 90, 360], "confidence": 0.28}]},
    )
    store = service.services.store
    assert store is not None and job.processed_s3_key
    result = masked(service, "hangar.jpg", file, method="pixelate")
    store.put(job.processed_s3_key, result.content, "image/jpeg")
    assert basic(service, "DELETE", f"/images/{result.headers['X-Image-Id']}").status_code == 204
    return job


def batch(service: Stack, name: str, count: int, broken: int = 1, *, close: bool = True) -> str:
    """Upload a batch of pictures, some truncated, and wait until all are processed; return its id."""
    whole = [portrait(), officer()]
    files = [(f"day 1/IMG_{2041 + number}.jpg", whole[number % 2]) for number in range(count)]
    files += [(f"day 2/IMG_{2100 + number}.jpg", portrait()[:30_000]) for number in range(broken)]
    made = body(basic(service, "POST", "/batches", json={"name": name, "options": {"method": "pixelate"}}), 201)
    path = f"/batches/{made['id']}"
    parts = [("images", (filename, data, "image/jpeg")) for filename, data in files]
    assert basic(service, "POST", f"{path}/images", files=parts).status_code == 202
    if close:
        assert basic(service, "POST", f"{path}/close").status_code == 200

    def is_done() -> bool:
        counts = body(basic(service, "GET", path))["counts"]
        return bool(counts["queued"] + counts["running"] == 0)

    service.until(is_done)
    return str(made["id"])


def video(service: Stack) -> str:
    """Upload a short video, and wait until it is masked; return its id. WebM, which every browser plays."""
    file = clips.made(Clip(frames=30, fps=10, format="webm"))
    auth = ("admin", service.settings["FACE_API_ADMIN_PASSWORD"])
    url = f"{service.url}/api/v1/videos"
    files = {"video": ("street.webm", file, "video/webm")}
    made = requests.post(url, params={"detail": "fast"}, files=files, auth=auth, timeout=60).json()["id"]

    def is_masked() -> bool:
        return bool(requests.get(f"{url}/{made}", auth=auth, timeout=30).json()["status"] == "completed")

    service.until(is_masked)
    return str(made)


def busy_month(service: Stack, jobs: int = 500) -> list[StoredJob]:
    """Store jobs of one picture, more of them by day than at night; some have failed."""
    sessions = service.services.sessions
    assert sessions is not None
    made = list(_jobs(jobs))
    image_id, file = uuid.uuid4(), portrait()
    key = objects.original_key(image_id, "many times.jpg")
    of = rows.image(id=image_id, filename="many times.jpg", s3_key=key, size_bytes=len(file), width=512, height=512)
    of = replace(of, created_at=now() - timedelta(days=DAYS))
    store = service.services.store
    assert store is not None
    store.put(key, file, "image/jpeg")
    with sessions() as session:
        rows.save_result(session, of, rows.detect_job(of))
    rows.add_jobs(sessions, [StoredJob(**vars(job) | {"image_id": of.id}) for job in made])
    maintenance.fold_tallies(service.services)
    return made


def _jobs(count: int) -> Iterator[StoredJob]:
    chance = random.Random(7)
    of = rows.image()
    end = now()
    while count:
        moment = end - timedelta(days=DAYS * chance.random() ** 2)
        if chance.random() > (0.9 if 8 <= moment.hour < 18 else 0.25):
            continue
        count -= 1
        values: dict[str, object] = {"id": uuid.uuid4(), "created_at": moment, "finished_at": moment}
        inference_ms = chance.lognormvariate(3.4, 0.35)
        inference_ms = chance.lognormvariate(3.4, 0.35)
        values |= {"inference_ms": inference_ms, "total_ms": inference_ms * chance.uniform(1.3, 2.2)}
        values["face_count"] = chance.choice((0, 1, 1, 2, 3, 7))
        if chance.random() < 0.03:
            values |= {"status": "failed", "error": chance.choice(ERRORS), "face_count": None}
            values |= {"inference_ms": None, "total_ms": None, "processed_s3_key": None, "processed_size_bytes": None}
        if chance.random() < 0.25:
            values.pop("processed_s3_key", None)
            values.pop("processed_size_bytes", None)
            yield rows.detect_job(of, **values)
        else:
            method = chance.choice(("gaussian", "gaussian", "gaussian", "pixelate", "solid", "elliptical"))
            # No object is stored for it, so it has no download link.
            yield rows.mask_job(of, **{"blur_method": method, "processed_s3_key": None} | values)
