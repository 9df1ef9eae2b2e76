"""How a run shows where it is: a bar on a terminal, lines elsewhere, nothing when it shall be quiet."""

import time
import uuid
from contextlib import closing
from pathlib import Path

import pytest

from face_api_client import responses
from face_api_client.batches import Batch
from face_api_client.command.batches import displays
from face_api_client.command.batches.displays import ProgressDisplay, RunRate
from face_api_client.command.batches.journals import Journal
from face_api_client.command.batches.outcomes import Failure, ItemOutcome
from face_api_client.command.batches.pictures import LocalPicture

NOON = "2026-03-04T12:00:00+00:00"


def shown(capsys: pytest.CaptureFixture[str], *, quiet: bool = False, bar: bool = True) -> str:
    with displays.open_display(quiet=quiet, bar=bar) as display:
        display.show(3, 2, 4, "1.0/s")
        display.notice("the service is busy")
        display.notice("the service is busy")  # at once again: not shown
    return capsys.readouterr().err


def test_terminal_gets_bars(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    err = shown(capsys)
    assert "3/4" in err and "2/4" in err and "1.0/s" in err
    assert err.count("the service is busy") == 1


def test_rate_and_rest_are_of_this_run() -> None:
    pace = RunRate(before=90, since=time.monotonic() - 10)
    assert pace.told(95, 100) == " · 0.5/s · 10 s left"
    assert pace.told(100, 100) == " · 1.0/s"
    assert pace.told(90, 100) == ""


@pytest.mark.parametrize(("terminal", "bar"), [("0", True), ("1", False)], ids=["no terminal", "no bar"])
def test_lines_go_elsewhere(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, terminal: str, bar: bool
) -> None:
    monkeypatch.setenv("TTY_COMPATIBLE", terminal)
    assert shown(capsys, bar=bar) == "3 sent, 2 done of 4 · 1.0/s\nthe service is busy\n"


def test_quiet_run_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, quiet=True) == ""


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.42, "0.4 s"), (48, "48 s"), (89.9, "90 s"), (720, "12 min"), (5340, "89 min"), (11100, "3 h 5 min")],
)
def test_durations_are_short(seconds: float, text: str) -> None:
    assert displays.format_duration(seconds) == text


def test_done_is_what_has_a_result(tmp_path: Path) -> None:
    """As the service counts: what failed is no part of it."""
    told: list[tuple[int, int, int, str]] = []
    display = ProgressDisplay(lambda *words: told.append(words), lambda _: None)
    files = [LocalPicture(name, 1) for name in ("a.jpg", "b.jpg", "c.jpg")]
    with closing(Journal.create(tmp_path / "out", {}, files)) as journal:
        journal.mark_failed([Failure("a.jpg", "unsupported_image", "")])
        journal.record_outcomes([ItemOutcome(name, name, "completed", faces=2) for name in ("b.jpg", "c.jpg")])
        journal.mark_downloaded("b.jpg", "0" * 64, 1)
        batch = {
            "id": str(uuid.uuid4()),
            "name": "x",
            "job_type": "mask",
            "status": "open",
            "created_at": NOON,
            "counts": {},
            "faces": 4,
        }
        display.update(journal, responses.build(Batch, batch))
    ((sent, done, total, status),) = told
    assert (sent, done, total) == (3, 1, 3)
    assert status.startswith("2 faces · ") and status.endswith(", 0 failed, 1 refused")


@pytest.mark.parametrize(
    ("failure", "line"),
    [
        (Failure("a.jpg", "cancelled", "", "cancelled"), "cancelled: a.jpg"),
        (Failure("a.jpg", "too_large", "", "refused"), "refused: a.jpg: too_large (too_large)"),
        (Failure("a.jpg", "no_image", "it is empty", "failed"), "failed: a.jpg: it is empty (no_image)"),
    ],
)
def test_failure_says_each_thing_once(capsys: pytest.CaptureFixture[str], failure: Failure, line: str) -> None:
    displays.failure(failure)
    assert capsys.readouterr().err == f"{line}\n"
