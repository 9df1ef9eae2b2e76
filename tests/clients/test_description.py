"""The description as tools read it that others use: a linter, and two generators of clients."""

import compileall
import importlib
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from core.config import ROOT
from tests.clients import typescript
from tests.descriptions import called
from tests.stack import Stack

GENERATOR_CONFIG = ROOT / "clients" / "openapi-python-client.yaml"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return typescript.description()


@pytest.fixture(scope="module")
def file(document: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("described") / "openapi.json"
    path.write_text(typescript.written(document))
    return path


@pytest.fixture(scope="module")
def generated(file: Path) -> ModuleType:
    """The package that openapi-python-client makes, without a warning."""
    folder = file.parent / "generated_face_api"
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--fail-on-warning", "--meta", "none"]
    command += ["--path", str(file), "--config", str(GENERATOR_CONFIG), "--output-path", str(folder)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder.parent))
        return importlib.import_module(folder.name)


@pytest.mark.slow
def test_redocly_finds_nothing(file: Path) -> None:
    command = ["npm", "run", "--silent", "lint", "--", str(file), "--format=json"]
    said = json.loads(typescript.run(*command))
    assert not said["problems"], [(one["ruleId"], one["message"], one["location"]) for one in said["problems"]]


@pytest.mark.slow
def test_python_client_has_every_operation(document: dict[str, Any], generated: ModuleType) -> None:
    folder = Path(str(generated.__file__)).parent
    assert compileall.compile_dir(folder, quiet=1)
    modules = {path.stem for path in folder.glob("api/*/*.py")} - {"__init__"}
    assert modules == {operation["operationId"] for operation in called(document).values()}


def test_python_client_asks_the_service(generated: ModuleType, service: Stack) -> None:
    api = f"{generated.__name__}.api"
    get_health = importlib.import_module(f"{api}.public.get_health")
    list_jobs = importlib.import_module(f"{api}.admin_records.list_jobs")
    with generated.Client(base_url=service.url) as client:
        assert get_health.sync(client=client).status == "ok"
        refused = list_jobs.sync_detailed(client=client)
    assert (int(refused.status_code), refused.parsed.code) == (401, "unauthenticated")


def test_types_are_current(document: dict[str, Any]) -> None:
    first = typescript.TYPES.read_text().partition("\n")[0] + "\n"
    assert first == typescript.banner(document), "run `make clients`"


@pytest.mark.slow
def test_types_are_generated(document: dict[str, Any], tmp_path: Path) -> None:
    assert typescript.TYPES.read_text() == typescript.types(document, tmp_path), "run `make clients`"
