"""A service on several machines; where no network namespaces can be made, its tests are skipped."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import service
from tests.cluster.service import Cluster


@pytest.fixture
def cluster(request: pytest.FixtureRequest, model: tuple[str, Path], tmp_path: Path) -> Iterator[Cluster]:
    """Run a service: web, two workers, and what they stand on, each on a machine of its own."""
    if not request.config.getoption("--cluster"):
        pytest.skip("needs network namespaces, which make test-cluster makes: as root, or where users may make them")
    name, weights = model
    own = {"FACE_API_MODEL": name, "FACE_API_WEIGHTS_DIR": str(weights)}
    own["FACE_API_RUNTIME"] = os.environ["FACE_API_RUNTIME"]
    with service.running(tmp_path, own) as made:
        yield made
