"""`face-api-client`, installed alone into an empty environment, against a real service."""

import json
import os
import shutil
import subprocess
import venv
from pathlib import Path

import httpx
import pytest
import skimage.data
from PIL import Image

from core.config import PREFIX, ROOT
from tests import clips
from tests.clips import Clip
from tests.conftest import StartService
from tests.docs import documents
from tests.stack import Stack

CLIENT = ROOT / "clients/python"
SCOPES = ["detect", "mask", "batch", "video", "read"]
MAX_PACKAGES = 14  # beside those that make the environment


class Environment:
    """A virtual environment with the client in it, and a folder to work in."""

    def __init__(self, folder: Path, variables: dict[str, str]) -> None:
        self.folder, self._variables = folder, variables

    def run(self, program: str, *words: str) -> str:
        """Run a program of the environment, and return what it prints."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith((PREFIX, "PYTHON"))}
        ran = subprocess.run(
            [self.folder / "bin" / program, *words],
            env=inherited | self._variables,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout


def pip(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [str(folder / "bin" / "pip"), "--disable-pip-version-check", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture(scope="module")
def service(start_service: StartService) -> Stack:
    return start_service(FACE_API_WORKER_PROCESSES="2")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the client from its folder alone; where no package index can be reached it is skipped, in CI it fails."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    # As in a clone: neither built before, nor anything beside it.
    source = shutil.copytree(CLIENT, folder / "source", ignore=shutil.ignore_patterns("build", "*.egg-info"))
    got = pip(folder, "install", "--constraint", str(ROOT / "requirements.lock"), str(source))
    if got.returncode:
        tried = pip(folder, "download", "--no-deps", "--dest", str(folder / "tried"), "h11")
        if tried.returncode and os.environ.get("CI") != "true":
            pytest.skip("no package index can be reached from here")
        pytest.fail(got.stdout + got.stderr)
    return folder


@pytest.fixture(scope="module")
def environment(installed: Path, service: Stack) -> Environment:
    """Return the environment, with a key and with pictures and a video in its folder."""
    password = service.settings["FACE_API_ADMIN_PASSWORD"]
    asked = {"name": "client", "scopes": SCOPES}
    made = httpx.post(f"{service.url}/api/v1/admin/api-keys", json=asked, auth=("admin", password), timeout=60)
    portrait = Image.fromarray(skimage.data.astronaut())
    portrait.save(installed / "portrait.jpg")
    (installed / "photos" / "more").mkdir(parents=True)
    for name in ("one.jpg", "two.png", "more/three.webp"):
        portrait.save(installed / "photos" / name)
    (installed / "street.mp4").write_bytes(clips.made(Clip(frames=10)))
    known = {"FACE_API_URL": service.url, "FACE_API_KEY": made.json()["key"], "FACE_API_ADMIN_PASSWORD": password}
    return Environment(installed, known)


def test_few_packages_are_installed(installed: Path) -> None:
    listed = json.loads(pip(installed, "list", "--format", "json").stdout)
    names = {one["name"].lower().replace("_", "-") for one in listed} - {"pip", "setuptools"}
    assert "face-api-client" in names and len(names) <= MAX_PACKAGES
    assert not names & {"face-api", "flask", "pydantic", "numpy", "sqlalchemy"}


def test_type_checkers_know_that_it_is_typed(installed: Path) -> None:
    assert len(list(installed.glob("lib/python*/site-packages/face_api_client/py.typed"))) == 1


def test_command_masks_a_folder(environment: Environment) -> None:
    told = environment.run("face-api", "batch", "submit", "photos", "--out", "masked", "--recursive")
    assert "3 done with 3 faces, 0 failed" in told
    masked = {
        path.relative_to(environment.folder / "masked").as_posix()
        for path in environment.folder.glob("masked/**/*.jpg")
    }
    assert masked == {"one.jpg", "two.jpg", "more/three.jpg"}
    assert "3 of       3 done, 0 failed" in environment.run("face-api", "batch", "list")
    again = environment.run("face-api", "batch", "submit", "photos", "--out", "masked", "--resume")
    assert "3 done" in again


def test_command_masks_a_video(environment: Environment) -> None:
    told = environment.run("face-api", "video", "mask", "street.mp4", "--out", "by command.mp4", "--detail", "fast")
    assert "10 frames, 1 face\n" in told
    assert (environment.folder / "by command.mp4").stat().st_size > 1000


def test_examples_of_its_readme_run(environment: Environment) -> None:
    examples = documents.examples_of(CLIENT / "README.md", "python")
    assert len(examples) == 5
    *acting, listing, reviewing = examples
    told = "".join(environment.run("python", "-c", code) for code in acting)
    assert "Box(x1=" in told
    for name in ("masked.jpg", "press photos.zip", "masked.mp4"):
        assert (environment.folder / name).stat().st_size > 1000
    assert told.count(" 1\n") >= 10, "a face in each frame"
    listed = [line.split() for line in environment.run("python", "-c", listing).splitlines()]
    assert {kind for _, kind, _ in listed} == {"detect", "mask"}
    for job, kind, _ in listed:
        result = environment.folder / f"{job}.jpg"
        assert result.read_bytes()[:2] == b"\xff\xd8" if kind == "mask" else not result.exists()
    assert "by hand admin 2" in environment.run("python", "-c", reviewing)


def test_asyncio_and_health(environment: Environment) -> None:
    code = """
import asyncio, os
from face_api_client import AsyncClient

async def main():
    async with AsyncClient(os.environ["FACE_API_URL"], api_key=os.environ["FACE_API_KEY"]) as client:
        calls = [client.mask_image("portrait.jpg") for _ in range(3)]
        health, *masked = await asyncio.gather(client.get_health(), *calls)
        print(health.status, [one.report.face_count for one in masked])
        video = await client.create_video("street.mp4")
        await client.cancel_video(video.id)
        print((await client.wait_for_video(video.id)).status)
        await client.delete_video(video.id)
        print((await client.list_batches()).total)

asyncio.run(main())
"""
    assert environment.run("python", "-c", code).splitlines()[:2] == ["ok [1, 1, 1]", "cancelled"]
