"""The stores of the tests: each test of a promise runs over a folder and over a real S3 server."""

import socket
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from core.storage.base import ObjectStore
from tests.ceph import Ceph
from tests.core.storage.stores import Silent, built
from tests.swift import Swift


@pytest.fixture(scope="session", params=["folder", "s3"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], dict[str, Any]]:
    """Name a place that nobody has used yet, as settings."""

    def name() -> dict[str, Any]:
        if request.param == "folder":
            return {"var_dir": tmp_path_factory.mktemp("store") / "var"}
        node: Swift | Ceph = request.getfixturevalue("s3_server")
        return {**node.settings(), "s3_bucket": f"test-{uuid.uuid4()}"}

    return name


@pytest.fixture(scope="session")
def shared_store(place: Callable[[], dict[str, Any]]) -> ObjectStore:
    return built(**place())


@pytest.fixture
def store(place: Callable[[], dict[str, Any]]) -> ObjectStore:
    """Return a store that holds nothing, not even its bucket or folder."""
    return built(**place())


@pytest.fixture
def silent() -> Iterator[Silent]:
    """Return a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield Silent(listener)
