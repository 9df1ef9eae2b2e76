"""`face-api batch submit --resume`: a run that was killed goes on where it ended."""

import os
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.config import ROOT
from face_api_client.command.batches import downloads
from tests.clients.batches.folders import Run, tree, until, write
from tests.clients.fake_api import PASSWORD, FakeApi, result


def test_second_run_needs_resume(api: FakeApi, run: Run, folder: Path, out: Path) -> None:
    assert run("submit", folder, "--out", out).exit_code == 0
    ran = run("submit", folder, "--out", out)
    assert ran.exit_code == 2 and "--resume" in ran.output
    assert len(api.batches) == 1


def test_resume_without_journal_is_refused(api: FakeApi, run: Run, folder: Path, out: Path) -> None:
    assert run("submit", folder, "--out", out, "--resume").exit_code == 2
    assert api.calls.total() == 0


def test_resume_of_another_folder_is_refused(api: FakeApi, run: Run, folder: Path, out: Path) -> None:
    assert run("submit", folder, "--out", out).exit_code == 0
    assert run("submit", folder / "deep", "--out", out, "--resume").exit_code == 2


def test_resume_of_what_is_done_does_nothing(api: FakeApi, run: Run, folder: Path, out: Path) -> None:
    assert run("submit", folder, "--out", out).exit_code == 0
    assert run("submit", folder, "--out", out, "--resume").exit_code == 0
    assert max(api.sent.values()) == max(api.fetched.values()) == 1


def test_retried_items_are_fetched_by_resume(api: FakeApi, run: Run, folder: Path, out: Path) -> None:
    api.judge = lambda item: vars(item).update(state="failed", error={"code": "x", "detail": "y"})
    assert run("submit", folder, "--out", out).exit_code == 1
    assert run("retry", api.only.id).exit_code == 0
    assert run("submit", folder, "--out", out, "--resume").exit_code == 0
    assert set(tree(out)) == {"a.jpg", "b.jpg"}
    assert max(api.sent.values()) == 1


def test_resumed_run_tells_its_own_rate(api: FakeApi, run: Run, folder: Path, out: Path) -> None:
    api.judge = lambda item: vars(item).update(state="failed" if item.name == "b.png" else "completed")
    assert run("submit", folder, "--out", out).exit_code == 1
    again = run("submit", folder, "--out", out, "--resume")  # which brings nothing new
    assert "1 done with 1 face, 1 failed" in again.output and "/s" not in again.output.splitlines()[-2]
    run("retry", api.only.id)
    last = run("submit", folder, "--out", out, "--resume")
    assert "2 done with 2 faces, 1 of them now, 0 failed" in last.output and "/s" in last.output.splitlines()[-2]


def test_deleted_batch_is_gone(api: FakeApi, run: Run, folder: Path, out: Path) -> None:
    assert run("submit", folder, "--out", out).exit_code == 0
    batch = api.only.id
    assert run("delete", batch).exit_code == 1, "nobody said yes"
    assert api.batches
    assert run("delete", batch, "--yes").exit_code == 0
    assert not api.batches
    assert run("delete", batch, "--yes").exit_code == 0
    assert tree(out)


class Submitting:
    """`face-api batch submit` as a process of its own."""

    def __init__(self, api: FakeApi, folder: Path, out: Path, *words: str) -> None:
        own = {"FACE_API_URL": api.url, "FACE_API_ADMIN_PASSWORD": PASSWORD, "PYTHONPATH": str(ROOT)}
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("FACE_API_")}
        command = [sys.executable, "-m", "admin.main", "batch", "submit", str(folder), "--out", str(out), *words]
        self.process = subprocess.Popen(
            command,
            cwd=folder.parent,
            env=inherited | own,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # Whoever runs the tests in the background may have Ctrl-C switched off, which is inherited.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - nothing is held here
        )

    def end(self) -> tuple[int, str]:
        output, _ = self.process.communicate(timeout=180)
        return self.process.returncode, output


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_killed_run_goes_on(api: FakeApi, tmp_path: Path, out: Path, number: signal.Signals) -> None:
    names = [f"{number:04}.jpg" for number in range(400)]
    write(tmp_path / "p", *names)
    api.delay_s = 0.3
    api.judge = lambda item: vars(item).update(state="queued")
    first = Submitting(api, tmp_path / "p", out, "--workers", "2")
    until(lambda: api.sent.total() > 120)
    first.process.send_signal(number)
    status, said = first.end()
    if number == signal.SIGINT:
        assert status == 130 and "--resume" in said
        assert said.count(f"/console/batches/{api.only.id}, results in {out}") == 2
    sent = api.sent.total()
    assert 120 < sent < 400
    api.delay_s, api.judge = 0, lambda _: None
    for item in api.only.items.values():
        item.state, item.finished_at = "completed", datetime.now(UTC)
    status, said = Submitting(api, tmp_path / "p", out, "--resume").end()
    assert status == 0, said
    assert tree(out) == {name: result(name.encode()) for name in names}
    assert len(api.batches) == 1 and len(api.only.items) == 400
    # What was on its way when the run was killed is sent again, and is no second item.
    assert sum(count > 1 for count in api.sent.values()) <= 2 * 50 < sent and max(api.sent.values()) <= 2
    assert sum(count > 1 for count in api.fetched.values()) <= 2


def test_parts_that_were_left_are_removed(run: Run, folder: Path, out: Path) -> None:
    assert run("submit", folder, "--out", out).exit_code == 0
    (out / f"{downloads.PART_PREFIX}x").write_bytes(b"half")
    assert run("submit", folder, "--out", out, "--resume").exit_code == 0
    assert set(tree(out)) == {"a.jpg", "b.jpg"}


@pytest.mark.slow
def test_two_runs_do_not_share_a_folder(api: FakeApi, run: Run, folder: Path, out: Path) -> None:
    go_on = threading.Event()

    def stay() -> None:
        go_on.wait(180)

    api.fault("images", stay)
    first = Submitting(api, folder, out)
    until(lambda: api.calls["images"] > 0)
    second = run("submit", folder, "--out", out, "--resume")
    go_on.set()
    assert second.exit_code == 2 and "another `face-api batch` works in" in second.output
    assert first.end()[0] == 0
