"""Services that are disturbed: on SQLite and a folder, or (`--faults full`) on a Postgres and a Swift."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from core import config
from tests import postgres, swift
from tests.postgres import Postgres
from tests.stack import Stack

INPUT_SIZE = 320  # a fourth of the work: what is asked here is not whether every face is found
OWN = {
    "FACE_API_INPUT_SIZE": str(INPUT_SIZE),
    "FACE_API_WORKER_PROCESSES": "2",
    "FACE_API_INFERENCE_THREADS": "1",
    "FACE_API_BATCH_LEASE_S": "4",
    "FACE_API_DETAIL_MASK": "fast",
}


@dataclass(frozen=True)
class Scale:
    """How much is done. every_s: how often a process is killed; outage_s: how long something is away."""

    full: bool
    pictures: int
    every_s: float
    outage_s: float


@dataclass(frozen=True)
class Site:
    """A running service, and what it stands on. postgres: None for SQLite."""

    stack: Stack
    postgres: Postgres | None
    without_store: Callable[[], contextlib.AbstractContextManager[None]]


@pytest.fixture(scope="session")
def scale(request: pytest.FixtureRequest) -> Scale:
    if request.config.getoption("--faults") == "full":
        return Scale(True, 1000, 4.0, 20.0)
    return Scale(False, 40, 3.0, 2.0)


@pytest.fixture
def site(scale: Scale, model: tuple[str, Path], tmp_path: Path) -> Iterator[Site]:
    """Run a service of the test's own."""
    name, folder = model
    own = OWN | {"FACE_API_MODEL": name, "FACE_API_WEIGHTS_DIR": str(folder)}
    with contextlib.ExitStack() as stack:
        if scale.full:
            database = stack.enter_context(postgres.running())
            database.execute("CREATE DATABASE faults")
            node = swift.start(_made(tmp_path / "swift"))
            stack.callback(node.stop)
            values = node.settings() | {"database_url": database.url("faults"), "s3_bucket": "faults"}
            own |= {f"{config.PREFIX}{key.upper()}": value for key, value in values.items()}
            own |= {"FACE_API_S3_READ_TIMEOUT_S": "3"}
            service = Stack(_made(tmp_path / "service"), own)
            site = Site(service, database, lambda: _hanging(node))
        else:
            service = Stack(_made(tmp_path / "service"), own)
            site = Site(service, None, lambda: _blocked(service.folder / "objects"))
        stack.callback(service.stop)
        service.start()
        yield site


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


@contextlib.contextmanager
def _hanging(node: swift.Swift) -> Iterator[None]:
    """Stop every process of the node: it takes connections, and answers none."""
    processes = psutil.Process(node.process.pid).children(recursive=True)
    for one in processes:
        one.suspend()
    try:
        yield
    finally:
        for one in processes:
            one.resume()


@contextlib.contextmanager
def _blocked(folder: Path) -> Iterator[None]:
    """Put a file where the folder was."""
    away = folder.with_name("elsewhere")
    folder.rename(away)
    folder.write_text("no folder")
    try:
        yield
    finally:
        folder.unlink()
        away.rename(folder)
