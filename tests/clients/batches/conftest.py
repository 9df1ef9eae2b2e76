"""A small API in memory, a folder of pictures for it, and what runs `face-api batch`."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from admin.main import main
from core import config
from face_api_client.command.batches import downloads
from tests.clients.batches.folders import Run, write
from tests.clients.fake_api import PASSWORD, FakeApi


@pytest.fixture
def api() -> Iterator[FakeApi]:
    made = FakeApi()
    yield made
    made.stop()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with three pictures, one of them deeper, and what is none."""
    made = tmp_path / "photos"
    write(made, "b.png", "a.jpg", "deep/er/c d.HEIC")
    write(made, "notes.txt", ".hidden.jpg", ".thumbs/x.jpg")
    return made


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def run(api: FakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return what runs `face-api batch` with the right credentials."""
    monkeypatch.setattr(downloads, "POLL_INTERVAL_S", 0.02)
    settings = config.read(admin_password=PASSWORD, var_dir=tmp_path / "var")
    monkeypatch.setattr(config, "load", lambda: settings)

    def invoke(*words: object, **environment: str) -> Result:
        reported = {"FACE_API_URL": api.url} | environment
        return CliRunner().invoke(main, ["batch", *map(str, words)], env=reported, catch_exceptions=False)

    return invoke
