"""What `face-api up` decides before anything runs, and the small commands beside it."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from pydantic import SecretStr

from admin import embedded, service, up
from admin.main import main
from admin.service import Service
from core import config
from core.access import keys
from core.config import Settings
from core.database import engine
from face_api_client.command import targets
from tests import databases
from tests.clients.scripted import ScriptedServer, as_json


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return settings with a database of their own, its tables made."""
    made = config.read(var_dir=tmp_path / "var", admin_password=SecretStr('it\'s "mine" $HOME'))
    databases.migrate(made)
    return made


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CliRunner]:
    """Return the command line with a database of its own, as the environment names it."""
    monkeypatch.setenv("FACE_API_VAR_DIR", str(tmp_path))
    config.load.cache_clear()
    yield CliRunner()
    config.load.cache_clear()


def _told(settings: Settings) -> dict[str, str]:
    """Tell the credentials as a start does: they are written and so known to the next one."""
    reported = service.credentials(Service(settings, []))
    embedded.write_variables(service.credentials_file(settings), reported)
    return reported


def test_credentials_last_while_key_works(settings: Settings) -> None:
    assert _told(settings) == _told(settings)


def test_credentials_replace_a_revoked_key(settings: Settings) -> None:
    first = _told(settings)["FACE_API_KEY"]
    with engine.session_factory(settings)() as session:
        keys.revoke(session, first[:11])
    second = _told(settings)["FACE_API_KEY"]
    with engine.session_factory(settings)() as session:
        found = keys.find(session, second)
        assert found
        assert found.is_active


def test_credentials_replace_an_unknown_key(settings: Settings) -> None:
    embedded.write_variables(service.credentials_file(settings), {"FACE_API_KEY": "xyl_of_another_database"})
    assert _told(settings)["FACE_API_KEY"] != "xyl_of_another_database"


def test_credentials_survive_any_password(settings: Settings) -> None:
    reported = _told(settings)
    assert targets.read_variables(service.credentials_file(settings)) == reported
    assert reported["FACE_API_ADMIN_PASSWORD"] == settings.admin_password.get_secret_value()


def test_credentials_file_may_be_broken(tmp_path: Path) -> None:
    file = tmp_path / "dev.env"
    file.write_text("FACE_API_KEY='never closed")
    assert targets.read_variables(file) == {}


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),  # noqa: S104  # only to know where to ask then
        ("::", "http://[::1]:8000"),
        ("faces.example", "http://faces.example:8000"),
    ],
)
def test_url_can_be_asked_from_here(settings: Settings, host: str, url: str) -> None:
    assert Service(settings.model_copy(update={"host": host}), []).url == url


def test_defaults_stand_below_settings() -> None:
    chosen = service.with_defaults(config.read(model="centerface", weights_mirror="/mine"), "/theirs")
    filled = service.with_defaults(config.read(), "/theirs")
    assert (chosen.model, chosen.weights_mirror) == ("centerface", "/mine")
    assert (filled.model, filled.weights_mirror) == ("auto", "/theirs")


def test_keys_are_made_listed_and_revoked(command: CliRunner) -> None:
    assert command.invoke(main, ["migrate"]).exit_code == 0
    text = command.invoke(main, ["keys", "create", "a client"]).stdout.strip()
    assert "active   " in (listed := command.invoke(main, ["keys", "list"]).stdout)
    assert listed.rstrip().endswith(f"{text[:11]}...{text[-8:]}  detect,mask  never  a client")
    assert command.invoke(main, ["keys", "revoke", text[:11]]).exit_code == 0
    assert "revoked" in command.invoke(main, ["keys", "list"]).stdout


def test_key_has_the_properties_that_are_given(command: CliRunner) -> None:
    command.invoke(main, ["migrate"])
    words = ["--scope", "batch", "--scope", "read", "--expires", "2036-05-06T07:08", "--network", "192.0.2.0/24"]
    made = command.invoke(main, ["keys", "create", "a client", *words, "--mask-limit", "7/minute"])
    assert made.exit_code == 0, made.output
    assert "batch,read  2036-05-06 07:08  a client" in command.invoke(main, ["keys", "list"]).stdout
    for odd in (["--network", "nowhere"], ["--scope", "all"], ["--mask-limit", "often"], ["--expires", "soon"]):
        assert command.invoke(main, ["keys", "create", "a client", *odd]).exit_code == 2
    assert len(command.invoke(main, ["keys", "list"]).stdout.splitlines()) == 1


def test_key_is_rotated(command: CliRunner) -> None:
    command.invoke(main, ["migrate"])
    text = command.invoke(main, ["keys", "create", "a client", "--scope", "batch"]).stdout.strip()
    other = command.invoke(main, ["keys", "rotate", text[:11], "--overlap", "0"])
    assert other.exit_code == 0 and other.stdout.strip().startswith("xyl_") and other.stdout.strip() != text
    new, old = command.invoke(main, ["keys", "list"]).stdout.splitlines()
    assert "active " in new and "batch  never" in new and "expired" in old
    again = command.invoke(main, ["keys", "rotate", text[:11]])
    assert again.exit_code == 1 and "rotated already" in again.output


def test_keys_tell_what_is_missing(command: CliRunner) -> None:
    refused = command.invoke(main, ["keys", "list"]).output
    assert refused.startswith("Error: the database refuses: no such table")
    assert "face-api.sqlite3; the service's own is named by FACE_API_DATABASE_URL" in refused
    command.invoke(main, ["migrate"])
    unknown = command.invoke(main, ["keys", "revoke", "xyl_nothing"])
    assert (unknown.exit_code, unknown.output.count("\n")) == (1, 1)


def test_commands_tell_wrong_settings(command: CliRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACE_API_INPUT_SIZE", "7")
    for words in (["keys", "list"], ["migrate"], ["serve"], ["worker"], ["beat"]):
        result = command.invoke(main, words)
        assert result.exit_code == 2
        assert "FACE_API_INPUT_SIZE" in result.output


def test_start_that_takes_long_says_what_is_missing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(up, "EXPLAIN_AFTER_S", -1.0)
    starting = as_json({"model_loaded": False, "database_ready": False, "storage_ready": None}, 503)
    with ScriptedServer(starting, starting, as_json({})).running() as server:
        asyncio.run(up._until_ready(f"{server.url}/health"))
    assert capsys.readouterr().out.startswith("waiting   for the model: the first start prepares it")
