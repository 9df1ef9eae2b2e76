"""Places of the backups' tests: embedded, and on servers."""

import itertools
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import postgres
from tests.admin.backups import places
from tests.admin.backups.places import BackupPlace
from tests.ceph import Ceph
from tests.postgres import Postgres
from tests.swift import Swift

MakePlace = Callable[[str], BackupPlace]


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    with postgres.running() as server:
        yield server


@pytest.fixture
def make_place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MakePlace]:
    """Make a place that nobody has used yet: of `folder`, or of `s3`, with a Postgres."""
    made: list[BackupPlace] = []
    numbers = itertools.count(1)

    def make(kind: str) -> BackupPlace:
        values = {"var_dir": str(tmp_path / f"var{next(numbers)}")}
        if kind == "s3":
            server: Postgres = request.getfixturevalue("postgres_server")
            node: Swift | Ceph = request.getfixturevalue("s3_server")
            name = f"backup-{uuid.uuid4()}"
            server.execute(f'CREATE DATABASE "{name}"')
            values |= node.settings() | {"database_url": server.url(name), "s3_bucket": name}
        made.append(places.place(**values))
        return made[-1]

    yield make
    for place in made:
        place.close()


@pytest.fixture
def source(make_place: MakePlace) -> BackupPlace:
    """Return an embedded service that holds something."""
    return make_place("folder").filled()


@pytest.fixture
def target(make_place: MakePlace) -> BackupPlace:
    """Return an embedded service that holds nothing, not even tables."""
    return make_place("folder")
