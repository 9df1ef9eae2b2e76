"""The engine, and the deployment that runs under it. Without --containers nothing here is collected."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.config import ROOT
from tests.containers import bases
from tests.containers.deployment import Deployment
from tests.containers.engine import Engine

FIGURES = ROOT / "build" / "containers.json"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave these tests to `make test-containers`, which makes the namespaces that they need."""
    return True if config.getoption("--containers") is None else None


@pytest.fixture(scope="session")
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Start an engine that has the images of the compose file."""
    running = Engine(request.config.getoption("--containers"))
    try:
        running.start()
        bases.make(running.state)
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="session")
def deployment(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Build the images and start the compose file."""
    made = Deployment(tmp_path_factory.mktemp("repository") / "face-api")
    made.prepare()
    made.compose("down", "--volumes", "--remove-orphans")
    made.measured("build", "build")
    made.measured("up --wait", "up", "--detach", "--wait")
    yield made
    made.compose("down", "--volumes", "--timeout", "5")
    FIGURES.parent.mkdir(exist_ok=True)
    FIGURES.write_text(json.dumps(made.figures, indent=2) + "\n")
