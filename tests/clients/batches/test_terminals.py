"""What files and services are called has no power over the terminal."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from admin.main import main
from core import config
from face_api_client.command import terminals
from tests.clients.batches.folders import Run, write
from tests.clients.fake_api import FakeApi, Item, refusals

EVIL = "\x1b]0;owned\x07\x1b[2J\u202egpj\u2028\x9b31m\r"
ESCAPES = {"\x1b", "\x07", "\u202e", "\u2028", "\x9b", "\r"}


@pytest.mark.parametrize("text", ["a.jpg", "사진 写真 é 👍", "a\u3000b\u00a0c", 'quote " and \\ too'])
def test_harmless_text_stays(text: str) -> None:
    assert terminals.printable(text) == text


def test_power_over_the_terminal_is_escaped() -> None:
    assert terminals.printable(EVIL) == "\\x1b]0;owned\\x07\\x1b[2J\\u202egpj\\u2028\\x9b31m\\r"
    assert terminals.printable("one\ntwo\t\udcff") == "one\\ntwo\\t\\udcff"
    assert terminals.printable_lines("one\ntwo\r") == "one\ntwo\\r"


def test_words_of_a_service_are_escaped(api: FakeApi, run: Run, folder: Path, out: Path) -> None:
    def judge(item: Item) -> None:
        item.state, item.error = "failed", {"code": "evil" + EVIL, "detail": f"it is cut{EVIL}\nfailed: all"}

    api.judge = judge
    ran = run("submit", folder, "--out", out, "--name", f"photos{EVIL}")
    assert ran.exit_code == 1 and "failed: a.jpg: it is cut" in ran.output
    listed = run("list")
    assert "photos\\x1b]0" in listed.output
    shown = run("status", api.only.id)
    for output in (ran.output, listed.output, shown.output):
        assert not ESCAPES & set(output)
    assert "\nfailed: all" not in ran.output


def test_refusals_of_a_service_are_escaped(api: FakeApi, run: Run, folder: Path, out: Path) -> None:
    api.fault("create", *refusals(422, "evil" + EVIL, 1))
    ran = run("submit", folder, "--out", out)
    assert ran.exit_code == 2 and "evil\\x1b]0" in ran.output
    assert not ESCAPES & set(ran.output)


def test_names_of_files_are_escaped(run: Run, tmp_path: Path) -> None:
    write(tmp_path / "in", "photo\u202egpj.jpg", "one\u2028two.jpg", "bad\x1b[2J.jpg")
    ran = run("submit", tmp_path / "in", "--out", tmp_path / f"out{EVIL}", "--dry-run")
    assert ran.exit_code == 0 and "photo\\u202egpj.jpg" in ran.output
    assert not ESCAPES & set(ran.output)


def test_names_of_keys_are_escaped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACE_API_VAR_DIR", str(tmp_path))
    config.load.cache_clear()
    command = CliRunner()
    assert command.invoke(main, ["migrate"]).exit_code == 0
    made = command.invoke(main, ["keys", "create", f"camera{EVIL}"])
    listed = command.invoke(main, ["keys", "list"])
    config.load.cache_clear()
    assert "camera\\x1b]0" in made.output and "camera\\x1b]0" in listed.output
    assert not ESCAPES & set(made.output + listed.output)
