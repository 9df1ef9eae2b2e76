"""When `make test-containers` is skipped, and when it fails; the tests themselves are in tests/containers."""

import sys
from pathlib import Path

import pytest

from tests.containers import __main__ as program
from tests.containers import machines, namespaces, tools
from tests.containers.tools import Unavailable


@pytest.fixture
def able(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that could run them, on which the engine can't be had."""

    def unavailable(_: Path) -> Path:
        raise Unavailable("apt-get fails")

    monkeypatch.setattr(sys, "argv", ["tests.containers"])
    monkeypatch.setattr(machines, "problem", lambda: "")
    monkeypatch.setattr(tools, "unpacked", unavailable)
    monkeypatch.setattr(namespaces, "run", lambda *_: pytest.fail("nothing is there to run"))


@pytest.mark.parametrize("ci", ["true", ""])
def test_machine_that_cannot_is_skipped(
    able: None, ci: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr(machines, "problem", lambda: "the kernel has no overlay file system")
    with pytest.raises(SystemExit, match="0"):
        program.main()
    assert capsys.readouterr().out == "SKIPPED: the kernel has no overlay file system\n0 passed, 1 skipped\n"


def test_what_is_missing_is_told(
    able: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(SystemExit, match="0"):
        program.main()
    assert "SKIPPED: apt-get fails" in capsys.readouterr().out


def test_what_is_missing_fails_in_ci(able: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(SystemExit, match="FAILED: apt-get fails"):
        program.main()


@pytest.mark.parametrize(
    "line",
    [
        "deb http://mirror.example.org/debian bookworm main",
        "URIs: http://mirror.example.org/debian/",
        "deb [signed-by=/k.gpg] http://mirror.example.org/debian/ bookworm main",
    ],
)
def test_mirror_is_that_of_apt(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "debian.sources").write_text(
        f"# deb http://old.example.org/debian a b\ndeb http://other.example.org/debian-security b\n{line}\n"
    )
    monkeypatch.setattr(machines, "SOURCES", (tmp_path / "sources.list", tmp_path))
    assert machines.mirror() == "http://mirror.example.org/debian"
