"""The database of the tests of access."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from core import config
from core.database import engine
from core.database.engine import SessionFactory
from tests import databases


@pytest.fixture
def sessions(tmp_path: Path) -> Iterator[SessionFactory]:
    """Open sessions of an empty SQLite database."""
    settings = config.read(var_dir=tmp_path / "var")
    databases.migrate(settings)
    made = engine.session_factory(settings)
    yield made
    made.kw["bind"].dispose()
