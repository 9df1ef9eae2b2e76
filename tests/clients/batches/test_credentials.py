"""Which credentials `face-api batch` sends: a key, the administrator's, or those of `face-api up`."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from core import config
from face_api_client.command.main import main as client_alone
from tests.clients.batches.folders import Run, tree
from tests.clients.fake_api import API_KEY, PASSWORD, FakeApi

WRONG_KEY = "xyl_" + "0" * 48


@pytest.fixture
def no_password(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the password away that `run` sends."""
    settings = config.read(var_dir=tmp_path / "var")
    monkeypatch.setattr(config, "load", lambda: settings)


def test_named_key_stands_above_the_password(run: Run, folder: Path, out: Path) -> None:
    refused = run("submit", folder, "--out", out, "--api-key", WRONG_KEY)
    assert refused.exit_code == 2 and "check the API key and its scopes" in refused.output
    assert WRONG_KEY not in refused.output
    assert run("submit", folder, "--out", out, "--api-key", API_KEY).exit_code == 0
    assert len(tree(out)) == 2


def test_key_of_the_environment_stands_below_it(run: Run) -> None:
    assert run("list", FACE_API_KEY=WRONG_KEY).exit_code == 0


@pytest.mark.usefixtures("no_password")
def test_key_of_the_environment_will_do(run: Run, api: FakeApi) -> None:
    assert run("list", FACE_API_KEY=API_KEY).exit_code == 0
    assert api.calls["list"] == 1
    nothing = run("list")
    assert nothing.exit_code == 2 and "--api-key" in nothing.output


@pytest.mark.usefixtures("no_password")
def test_own_service_needs_no_key(run: Run, api: FakeApi, tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    written = f"FACE_API_URL={api.url}\nFACE_API_ADMIN_USER=admin\nFACE_API_ADMIN_PASSWORD='{PASSWORD}'\n"
    (tmp_path / "var" / "dev.env").write_text(written)
    assert run("list", FACE_API_KEY=WRONG_KEY).exit_code == 0


@pytest.mark.parametrize("by_file", [False, True], ids=["text", "file"])
def test_client_alone_reads_the_environment(
    api: FakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_file: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret").write_text(f"{PASSWORD}\n")
    given = {"FACE_API_ADMIN_PASSWORD_FILE": "secret"} if by_file else {"FACE_API_ADMIN_PASSWORD": PASSWORD}
    ran = CliRunner().invoke(client_alone, ["batch", "list"], env={"FACE_API_URL": api.url} | given)
    assert ran.exit_code == 0 and api.calls["list"] == 1


def test_client_alone_uses_the_credentials_of_a_service_here(
    api: FakeApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "dev.env").write_text(f"FACE_API_URL={api.url}\nFACE_API_ADMIN_PASSWORD='{PASSWORD}'\n")
    assert CliRunner().invoke(client_alone, ["batch", "list"]).exit_code == 0


def test_client_alone_tells_what_it_misses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ran = CliRunner().invoke(client_alone, ["batch", "list"])
    assert ran.exit_code == 2 and "FACE_API_URL" in ran.output
    lost = {"FACE_API_URL": "http://127.0.0.1:9", "FACE_API_ADMIN_PASSWORD_FILE": "nowhere"}
    ran = CliRunner().invoke(client_alone, ["video", "list"], env=lost)
    assert ran.exit_code == 2 and "nowhere: No such file" in ran.output
