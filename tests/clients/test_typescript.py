"""The TypeScript client: compiled, against a server that fails in every way, and against the real service."""

import base64
import configparser
import json
import os
import subprocess
from pathlib import Path

import pytest

from core.access import keys
from core.access.properties import KeyProperties
from core.config import ROOT
from tests import clips
from tests.clients import typescript
from tests.clips import Clip
from tests.conftest import StartService
from tests.contract import pictures
from tests.docs import documents
from tests.stack import Stack

FRAMES = 8
README = typescript.FOLDER / "README.md"


@pytest.fixture(scope="module")
def built() -> None:
    typescript.built()


@pytest.fixture(scope="module")
def service(start_service: StartService) -> Stack:
    """Return a service that calls webhooks."""
    secret = f"whsec_{base64.b64encode(bytes(32)).decode()}"
    return start_service(FACE_API_WORKER_PROCESSES="2", FACE_API_WEBHOOK_SECRET=secret)


def key(service: Stack) -> str:
    """Make a key that may do what the client does."""
    assert service.services.sessions is not None
    with service.services.sessions() as session:
        scopes = KeyProperties.model_validate({"scopes": ["detect", "mask", "batch", "video", "read"]})
        return keys.create(session, "typescript", scopes)[1]


@pytest.mark.slow
@pytest.mark.usefixtures("built")
def test_client_retries_and_gives_up() -> None:
    assert "# pass 25" in typescript.run("node", "--test", "--test-reporter=tap", "tests/retries.test.mjs")


@pytest.mark.usefixtures("built")
def test_client_masks_with_the_service(service: Stack, tmp_path: Path) -> None:
    picture, video = tmp_path / "photo.jpg", tmp_path / "street.mp4"
    picture.write_bytes(pictures.portrait())
    video.write_bytes(clips.made(Clip(frames=FRAMES)))
    said = typescript.run(
        *("node", "--test", "--test-reporter=tap", "tests/service.test.mjs"),
        FACE_API_URL=service.url,
        FACE_API_KEY=key(service),
        ADMIN_PASSWORD=service.settings["FACE_API_ADMIN_PASSWORD"],
        PICTURE=str(picture),
        VIDEO=str(video),
        FRAMES=str(FRAMES),
    )
    assert "# pass 10" in said and "# skipped 0" in said


def test_readme_examples_run(service: Stack, tmp_path: Path) -> None:
    code = "\n".join(documents.examples_of(README, "ts"))
    program = typescript.compiled(code.replace("http://127.0.0.1:8000", service.url), tmp_path)
    (tmp_path / "photo.jpg").write_bytes(pictures.portrait())
    (tmp_path / "street.mp4").write_bytes(clips.made(Clip(frames=FRAMES)))
    password = service.settings["FACE_API_ADMIN_PASSWORD"]
    env = os.environ | {"FACE_API_KEY": key(service), "FACE_API_ADMIN_PASSWORD": password}
    ran = subprocess.run(["node", program.name], cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
    assert "1 1 0 " in ran.stdout and "1 of 1" in ran.stdout
    assert (tmp_path / "masked.jpg").read_bytes()[:2] == b"\xff\xd8"
    assert len(clips.frames((tmp_path / "street-masked.mp4").read_bytes())) == FRAMES


@pytest.mark.slow
@pytest.mark.usefixtures("built")
def test_package_holds_what_is_imported(tmp_path: Path) -> None:
    said = typescript.run("npm", "pack", "--ignore-scripts", "--json", "--pack-destination", str(tmp_path))
    (packed,) = json.loads(said[said.index("[") :])
    paths = {file["path"] for file in packed["files"]}
    assert {"package.json", "README.md", "LICENSE", "dist/index.js", "dist/index.d.ts", "dist/schema.d.ts"} <= paths
    assert not any(path.startswith(("src/", "tests/", "node_modules/")) for path in paths)
    subprocess.run(["tar", "-xzf", packed["filename"]], cwd=tmp_path, check=True)
    script = "import('./package/dist/index.js').then((all) => console.log(Object.keys(all).sort().join()))"
    ran = subprocess.run(["node", "-e", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "Batches,FaceApi,FaceApiError,Records,Reviews,Videos"


def test_package_needs_nothing_and_is_the_projects() -> None:
    package = json.loads((typescript.FOLDER / "package.json").read_text())
    assert "dependencies" not in package
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    assert (package["version"], package["license"]) == (setup["metadata"]["version"], setup["metadata"]["license"])
    assert (typescript.FOLDER / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()
