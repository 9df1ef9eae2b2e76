"""Fixtures of all tests: pictures and weights where there are some, and the running service."""

import gc
import itertools
import os
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import NoReturn

import hypothesis
import pytest

from core import config, services
from core.config import Settings
from core.database import audits
from core.services import Services
from core.weights import downloads, manifest
from tests import ceph, postgres, swift
from tests.ceph import Ceph
from tests.ports import free_port
from tests.stack import PROGRAMS, Stack, start_valkey
from tests.swift import Swift

pytest_plugins = ["tests.markers", "tests.parallel"]

StartService = Callable[..., Stack]
BuildServices = Callable[[Settings], Services]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--shared", type=Path, default=None, help="folder with real pictures (data/) and tools (tools/)")
    parser.addoption(
        "--tiers", choices=["embedded", "servers"], default="embedded", help="SQLite and a folder, or Postgres and S3"
    )
    parser.addoption("--ceph", type=Path, default=None, help="script that runs a Ceph gateway, to stand for the Swift")
    parser.addoption(
        "--faults", choices=["short", "full"], default="short", help="full: many pictures, on Postgres and S3"
    )
    parser.addoption("--cluster", action="store_true", help="this runs where it may make machines: see tests/cluster")
    parser.addoption("--soak-seconds", type=float, default=10, help="how long the concurrency test lasts")
    parser.addoption("--video-minutes", type=float, default=2, help="how long the video of --faults full is")
    parser.addoption("--soak-minutes", type=float, default=20, help="how long the soak of --faults full lasts")
    parser.addoption(
        "--containers", type=Path, default=None, help="folder that keeps an engine's images: see tests/containers"
    )


def pytest_configure() -> None:
    """Limit no example of a property by the clock: on a busy machine any of them may take long."""
    anywhere = "busy machine"
    hypothesis.settings.register_profile(
        anywhere, hypothesis.settings(), deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
    )
    hypothesis.settings.load_profile(anywhere)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for garbage after the collection of tests, not during it, and never again at what it has made.

    measured: a third of the CPU time of a collection, and a few milliseconds for each later look.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="module", autouse=True)
def _nothing_stays_open() -> Iterator[None]:
    """Find what a module leaves open at its end: otherwise the warning, an error, would meet any test later."""
    yield
    gc.collect()


@pytest.fixture(autouse=True)
def _nobody_acts() -> None:
    """Forget who a command that an earlier test ran in this process acted as: what a test records names the service."""
    audits.act_as(audits.ITSELF)


@pytest.fixture(scope="session", autouse=True)
def _own_environment() -> Iterator[None]:
    """Keep the settings of whoever runs the tests out of them."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [*config.names(), "HOST", "PORT"]:
            patch.delenv(name, raising=False)
        # Where OpenVINO is installed, each start would take seconds to compare it.
        patch.setenv("FACE_API_RUNTIME", "onnxruntime")
        yield


@pytest.fixture(scope="session")
def shared_data(request: pytest.FixtureRequest) -> Path:
    """Return the folder of real pictures and weights; without one the test is skipped, in CI it fails."""
    shared: Path | None = request.config.getoption("--shared")
    if shared is not None and (shared / "data").is_dir():
        return (shared / "data").resolve()
    _missing("there is no folder of real pictures: see --shared")


@pytest.fixture(scope="session")
def scrfd(request: pytest.FixtureRequest) -> Path:
    """Return the folder that holds SCRFD's files; without them the test is skipped, in CI it fails."""
    shared: Path | None = request.config.getoption("--shared")
    for folder in (config.ROOT / "weights", *([shared / "data" / "weights"] if shared else [])):
        if (folder / "scrfd_2.5g.onnx").exists():
            return _linked(folder.resolve())
    _missing("SCRFD's weights are not here: their licence keeps them out of the repository")


@pytest.fixture(scope="session")
def model(request: pytest.FixtureRequest) -> tuple[str, Path]:
    """Return the best model at hand that is small, and its folder: SCRFD's, else CenterFace, which is fetched."""
    try:
        folder: Path = request.getfixturevalue("scrfd")
    except pytest.skip.Exception:
        settings = config.read(model="centerface")
        downloads.pull(manifest.entry("centerface"), settings, downloads.Listener(print))
        return "centerface", settings.weights_dir
    return "scrfd_2.5g", folder


def _linked(folder: Path) -> Path:
    """Return a folder with links to the model files of another: what is made of them lands here, once for all runs."""
    if folder.parent == config.ROOT:
        return folder
    links = config.ROOT / "build" / "test-weights"
    links.mkdir(parents=True, exist_ok=True)
    for file in folder.glob("*.onnx"):
        with suppress(FileExistsError):
            (links / file.name).symlink_to(file)
    return links


@pytest.fixture
def build_services() -> Iterator[BuildServices]:
    """Put together what settings say; all of it is closed after the test."""
    with ExitStack() as built:

        def build(settings: Settings) -> Services:
            made = services.build(settings)
            built.callback(made.close)
            return made

        yield build


@pytest.fixture(scope="session")
def valkey() -> Iterator[str]:
    """Return the URL of a Valkey of the tests' own."""
    port = free_port()
    process = start_valkey(port)
    yield f"redis://127.0.0.1:{port}/0"
    process.kill()
    process.wait()


@pytest.fixture(scope="session")
def s3_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swift | Ceph]:
    """Return a real S3 server."""
    script: Path | None = request.config.getoption("--ceph")
    folder = tmp_path_factory.mktemp("s3")
    node = ceph.start(script, folder) if script else swift.start(folder)
    yield node
    node.stop()


@pytest.fixture(scope="session")
def make_tiers(request: pytest.FixtureRequest) -> Iterator[Callable[[], dict[str, str]]]:
    """Return what gives a service its own database and bucket: the embedded ones, or those of servers."""
    if request.config.getoption("--tiers") == "embedded":
        yield dict
        return
    numbers = itertools.count(1)
    node: Swift | Ceph = request.getfixturevalue("s3_server")
    with postgres.running() as server:

        def make() -> dict[str, str]:
            name = f"service{next(numbers)}"
            server.execute(f"CREATE DATABASE {name}")
            values = node.settings() | {"database_url": server.url(name), "s3_bucket": name}
            return {f"{config.PREFIX}{key.upper()}": value for key, value in values.items()}

        yield make


@pytest.fixture
def embedded_tiers(request: pytest.FixtureRequest) -> None:
    """Skip a test that looks into the embedded database or folder when there are servers instead."""
    if request.config.getoption("--tiers") != "embedded":
        pytest.skip("looks into the embedded database or folder")


@pytest.fixture(scope="session")
def start_shared_service(
    model: tuple[str, Path], make_tiers: Callable[[], dict[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StartService]:
    """Start services for several modules, with settings of their own; all end with the tests."""
    yield from _starter(model, make_tiers, tmp_path_factory)


@pytest.fixture(scope="module")
def start_service(
    model: tuple[str, Path], make_tiers: Callable[[], dict[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StartService]:
    """Start services for one module, with settings of their own; they end with its tests."""
    yield from _starter(model, make_tiers, tmp_path_factory)


@pytest.fixture(scope="session")
def service(start_shared_service: StartService) -> Stack:
    """Return the service that most tests share."""
    patient = {"FACE_API_JOB_TIMEOUT_S": "170"}  # many ask at once, and a busy machine takes long for each
    return start_shared_service(FACE_API_WORKER_PROCESSES="2", **patient)


def _starter(
    model: tuple[str, Path], make_tiers: Callable[[], dict[str, str]], folders: pytest.TempPathFactory
) -> Iterator[StartService]:
    started: list[Stack] = []

    def start(*, programs: Sequence[str] = PROGRAMS, by_command: bool = False, **settings: str) -> Stack:
        name, folder = model
        own = {"FACE_API_MODEL": name, "FACE_API_WEIGHTS_DIR": str(folder), "FACE_API_WORKER_PROCESSES": "1"}
        own["FACE_API_RUNTIME"] = os.environ["FACE_API_RUNTIME"]
        # What `auto` comes to, but on a busy machine, whose clock each start would ask anew.
        own["FACE_API_PRECISION"] = "int8" if manifest.entry(name).int8 else "fp32"
        values = own | make_tiers() | settings
        stack = Stack(folders.mktemp("service"), values, programs=programs, by_command=by_command)
        started.append(stack)
        return stack.start()

    yield start
    for stack in started:
        stack.stop()


def _missing(reason: str) -> NoReturn:
    if os.environ.get("FACE_API_REQUIRE_WEIGHTS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
