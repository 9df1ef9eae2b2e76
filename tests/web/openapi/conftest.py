from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from core import config, services
from web.app import FaceApiApp, create_app


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaceApiApp]:
    folder: Path = tmp_path_factory.mktemp("described")
    with closing(services.build(config.read(var_dir=folder))) as built:
        yield create_app(built)


@pytest.fixture(scope="session")
def document(app: FaceApiApp) -> dict[str, Any]:
    """The description, as the service answers it."""
    found: dict[str, Any] = app.test_client().get("/openapi/openapi.json").get_json()
    return found
