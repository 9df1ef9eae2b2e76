"""Which credentials `face-api batch` sends: a key, the administrator's, or those of `face-api up`."""

import re
import uuid
from pathlib import Path

import pytest
from click.testing import CliRunner

from admin.main import main
from core import config
from face_api_client.command.main import main as client_alone
from tests.clients.batches.folders import Run, tree
from tests.clients.fake_api import API_KEY, PASSWORD, FakeApi, refusals
from tests.clients.scripted import ScriptedServer, problem

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


@pytest.mark.parametrize("words", [("list",), ("status",), ("submit",), ("download",)])
def test_lockout_ends_the_command_at_once(
    api: FakeApi, run: Run, folder: Path, out: Path, words: tuple[str, ...]
) -> None:
    places = {"status": (uuid.uuid4(),), "submit": (folder, "--out", out), "download": (uuid.uuid4(), "--out", out)}
    for kind in ("list", "get"):
        api.fault(kind, *refusals(429, "rate_limited", 1, retry_after="900"))
    ran = run(*words, *places.get(words[0], ()))
    assert ran.exit_code == 2 and api.calls.total() == 1
    assert re.search(r": locked out until \d\d:\d\d\ncheck FACE_API_ADMIN_USER and FACE_API_ADMIN_PASS", ran.output)
    assert "`face-api admin unlock`" in ran.output and "FACE_API_URL is right" not in ran.output
    assert not out.exists()


def test_lockout_of_a_key_names_no_password(api: FakeApi, run: Run) -> None:
    api.fault("list", *refusals(429, "rate_limited", 1, retry_after="900"))
    ran = run("list", "--api-key", API_KEY)
    assert ran.exit_code == 2 and "it can be asked again at " in ran.output and "PASSWORD" not in ran.output


def test_lockout_in_the_middle_can_be_resumed(api: FakeApi, run: Run, folder: Path, out: Path) -> None:
    api.fault("images", *refusals(429, "rate_limited", 1, retry_after="900"))
    ran = run("submit", folder, "--out", out)
    assert ran.exit_code == 1 and "locked out until" in ran.output and "to resume: " in ran.output
    assert run("submit", folder, "--out", out, "--resume").exit_code == 0


def test_lockout_ends_a_video_before_it_is_sent(run: Run, folder: Path, tmp_path: Path) -> None:
    with ScriptedServer(problem(429, "rate_limited", "900")).running() as server:
        words = ["video", "mask", str(folder / "a.jpg"), "--out", str(tmp_path / "masked.mp4")]
        ran = CliRunner().invoke(main, words, env={"FACE_API_URL": server.url})
        assert ran.exit_code == 2 and "locked out until" in ran.output
        assert len(server.received) == 1 and not list(tmp_path.glob("masked*"))
