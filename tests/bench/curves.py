"""The curves of `make bench`: how the time of a call grows with the picture, the callers, and what is stored."""

import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial

import numpy as np
import requests
from numpy.typing import NDArray

from core.database import engine
from tests.bench import database, inputs, load
from tests.bench.callers import Calls, Client
from tests.bench.database import Seed
from tests.bench.performance_report import Curve
from tests.bench.runs import OFF, Run
from tests.faults.calls import AUTH
from tests.stack import Stack

MEGAPIXELS = (1, 2, 4, 8, 16, 25, 50)
FACES = (1, 5, 20, 60, 180, 500)
ASPECTS = (1, 2, 4, 8, 15, 30)
CLIENTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
JOBS = (1_000, 10_000, 100_000, 400_000)
ASPECT_PIXELS = 2_000_000
PATHS = {"detect, fast": "detect", "mask, balanced": "mask", "detect, thorough": "detect?detail=thorough"}
# So that 256 callers wait instead of being turned away.
PATIENT = {"FACE_API_QUEUE_LIMIT": "1024", "FACE_API_WEB_THREADS": "320", "FACE_API_JOB_TIMEOUT_S": "300"}
ADMIN_PATHS = ("jobs", "jobs?status=failed", "stats")


def megapixels(run: Run, service: Stack) -> Curve:
    """Time against the size of a picture of always the same shape."""
    xs = _few(run, MEGAPIXELS)
    sizes = [(round((4 / 3 * x * 1e6) ** 0.5), round((3 / 4 * x * 1e6) ** 0.5)) for x in xs]
    # Rounded up, the largest would be one pixel more than the service takes.
    pictures = [inputs.jpeg(inputs.tiled(width - 1, height)) for width, height in sizes]
    text = "JPEGs of 4:3; one client, storage off. A search looks at a few sizes of a picture; `thorough` has a limit."
    return Curve("megapixels", text, xs, _by_path(run, service, pictures))


def aspects(run: Run, service: Stack) -> Curve:
    """Time against the shape of a picture of always the same size."""
    xs = _few(run, ASPECTS)
    sides = [(round((ASPECT_PIXELS * x) ** 0.5), round((ASPECT_PIXELS / x) ** 0.5)) for x in xs]
    pictures = [inputs.jpeg(inputs.tiled(*side)) for side in sides]
    text = f"Pictures of {ASPECT_PIXELS / 1e6:g} megapixels, so many times as wide as high; one client, storage off."
    return Curve("aspect ratio", text, xs, _by_path(run, service, pictures))


def faces(run: Run, service: Stack) -> Curve:
    """Time against the number of faces on a picture of always the same size."""
    xs = _few(run, FACES)
    scenes: list[NDArray[np.uint8]] = [inputs.crowd(x) for x in xs]
    pictures = [inputs.jpeg(scene) for scene in scenes]
    lines = _by_path(run, service, pictures)
    height, width = scenes[0].shape[:2]
    text = f"{width} × {height} pixels, all faces of one size; one client, storage off."
    return Curve("faces", text, xs, lines, {"masked": [_masked(service, picture) for picture in pictures]})


def clients(run: Run) -> Curve:
    """Time against the number of clients that call at once, all the time."""
    xs = _few(run, CLIENTS)
    p50, rates, refused, rate = list[float](), list[float](), list[str](), 10.0
    with run.service(OFF | PATIENT) as service:
        run.calls("", service, "detect", 1)
        for x in xs:
            # Twice as long as all of them take for one call each: fewer of the calls are of the beginning and the end.
            seconds = max(run.length.seconds, 2 * x / rate if run.length.times > 1 else 0)
            taken = load.measure(Calls("", service, "/api/v1/detect", x, run.pictures), seconds)
            rate = taken.pictures_s or rate
            p50.append(taken.p50_ms or math.nan)
            rates.append(1000 / rate if taken.pictures else math.nan)
            refused.append(str(taken.refused))
    text = (
        "`/detect`, storage off. *An answer*: what a client waits, the median; *a picture*: the time of all clients"
        " together for one, which must not rise. `FACE_API_QUEUE_LIMIT` is raised: else the 65th is turned away."
    )
    return Curve("clients", text, xs, {"an answer": p50, "a picture": rates}, {"refused": refused})


def jobs(run: Run) -> Curve:
    """Time against the number of jobs in the database."""
    xs = _few(run, JOBS)
    lines: dict[str, list[float]] = {"detect, stored": [], "list of jobs": [], "failed jobs": [], "statistics": []}
    with run.servers() as (settings, _), run.service(settings) as service:
        patient = service.own_settings().model_copy(update={"database_timeout_s": database.PATIENCE_S})
        sessions, there = engine.session_factory(patient), 0
        for x in xs:
            database.fill(sessions, Seed(x, x // 3, 180, there + 1, there // 3 + 1))
            there = x
            for name, ms in zip(lines, _asked(service, run.pictures[0], 5 * run.length.times), strict=True):
                lines[name].append(ms)
    text = "In a Postgres. A `/detect` that is stored, and requests of the admin API: the first page, and counts."
    return Curve("jobs", text, xs, lines)


def _asked(service: Stack, picture: bytes, times: int) -> Iterator[float]:
    """Yield the median of each request whose time may depend on what is stored."""
    with closing(Client(service, "/api/v1/detect")) as client, requests.Session() as session:
        session.auth = AUTH
        calls: list[Callable[[], object]] = [partial(client.send, picture)]
        calls += [partial(_get, session, f"{service.url}/api/v1/admin/{path}") for path in ADMIN_PATHS]
        for call in calls:
            call()
            yield statistics.median(load.timed_ms(call) for _ in range(times))


def _by_path(run: Run, service: Stack, pictures: Sequence[bytes]) -> dict[str, list[float]]:
    """Time every picture on every path, each once before any comes again; return the quickest: the rest is noise."""
    found: dict[str, list[float]] = {}
    for name, path in PATHS.items():
        with closing(Client(service, f"/api/v1/{path}")) as client:
            client.send(pictures[0])
            rounds = [[_answered_ms(client, picture) for picture in pictures] for _ in range(run.length.times)]
        found[name] = [float(ms) for ms in np.min(rounds, axis=0)]
    return found


def _answered_ms(client: Client, picture: bytes) -> float:
    """Time one call; NaN where it was given up or turned away."""
    started = time.perf_counter()
    answered = client.send(picture)
    return (time.perf_counter() - started) * 1000 if answered else math.nan


def _few(run: Run, xs: Sequence[int]) -> list[int]:
    """Return all of them, or where a run is quick the first three."""
    return list(xs if run.length.times > 1 else xs[:3])


def _masked(service: Stack, picture: bytes) -> str:
    answer = requests.post(
        f"{service.url}/api/v1/mask", headers={"X-API-Key": service.key}, files={"image": picture}, timeout=60
    )
    return answer.headers.get("X-Face-Count", f"status {answer.status_code}")


def _get(session: requests.Session, url: str) -> None:
    session.get(url, timeout=60).raise_for_status()
