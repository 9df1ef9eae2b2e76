"""Results that somebody has removed, emptied or changed after they were downloaded; folders that can't be written."""

import os
from pathlib import Path

import pytest

from tests.clients.batches.folders import Run, tree, write
from tests.clients.fake_api import FakeApi, result


def _commands(api: FakeApi, folder: Path, out: Path) -> dict[str, tuple[str | Path, ...]]:
    return {
        "resume": ("submit", folder, "--out", out, "--resume", "--no-progress"),
        "download": ("download", api.only.id, "--out", out),
    }


@pytest.mark.parametrize("command", ["resume", "download"])
def test_missing_and_empty_results_are_fetched_again(
    api: FakeApi, run: Run, folder: Path, out: Path, command: str
) -> None:
    assert run("submit", folder, "--out", out, "--recursive").exit_code == 0
    whole = tree(out)
    (out / "a.jpg").unlink()
    (out / "b.jpg").write_bytes(b"")
    ran = run(*_commands(api, folder, out)[command])
    assert ran.exit_code == 0 and tree(out) == whole
    assert api.fetched["a.jpg"] == api.fetched["b.png"] == 2 and max(api.sent.values()) == 1
    if command == "resume":
        assert "1 result with 1 face here" in ran.output


@pytest.mark.parametrize("command", ["resume", "download"])
def test_changed_results_are_told_and_kept(api: FakeApi, run: Run, folder: Path, out: Path, command: str) -> None:
    assert run("submit", folder, "--out", out).exit_code == 0
    (out / "a.jpg").write_bytes(result(b"a.jpg") + b"x")
    for _ in range(2):
        ran = run(*_commands(api, folder, out)[command])
        assert ran.exit_code == 1 and "lost: a.jpg" in ran.output and "(in_the_way)" in ran.output
        assert (out / "a.jpg").read_bytes() == result(b"a.jpg") + b"x"
    (out / "a.jpg").unlink()
    assert run(*_commands(api, folder, out)[command]).exit_code == 0
    assert (out / "a.jpg").read_bytes() == result(b"a.jpg")


def test_failures_stay_counted_while_a_run_resumes(
    api: FakeApi, run: Run, folder: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("face_api_client.command.batches.displays.LINE_INTERVAL_S", -1.0)
    api.judge = lambda item: vars(item).update(state="failed" if item.name == "b.png" else "completed")
    assert run("submit", folder, "--out", out).exit_code == 1
    lines = [line for line in run("submit", folder, "--out", out, "--resume").output.splitlines() if " sent, " in line]
    assert lines and all("1 failed" in line for line in lines)


@pytest.mark.parametrize("below", ["file.jpg/x", "file.jpg"])
def test_folder_that_cannot_be_made_is_refused(
    api: FakeApi, run: Run, folder: Path, below: str, tmp_path: Path
) -> None:
    write(tmp_path, "file.jpg")
    ran = run("submit", folder, "--out", tmp_path / below)
    assert ran.exit_code == 2 and "Traceback" not in ran.output
    assert not isinstance(ran.exception, OSError)
    assert not api.batches


def test_resume_of_a_deleted_batch_says_what_to_do(api: FakeApi, run: Run, folder: Path, out: Path) -> None:
    assert run("submit", folder, "--out", out).exit_code == 0
    run("delete", api.only.id, "--yes")
    ran = run("submit", folder, "--out", out, "--resume")
    assert ran.exit_code == 2 and "choose another --out" in ran.output and "to resume" not in ran.output


def test_what_is_left_out_is_named_with_its_reason(run: Run, folder: Path, out: Path, tmp_path: Path) -> None:
    write(tmp_path, "elsewhere/c.jpg")
    (folder / "broken.jpg").symlink_to("nowhere.jpg")
    (folder / "outside.jpg").symlink_to(tmp_path / "elsewhere" / "c.jpg")
    (folder / "tree").symlink_to(folder / "deep")
    os.mkfifo(folder / "pipe.jpg")
    ran = run("submit", folder, "--out", out, "--recursive", "--dry-run")
    assert "left out: broken.jpg: a link that leads nowhere" in ran.output
    assert "left out: outside.jpg: a link out of the folder" in ran.output
    assert "left out: tree: a link to a folder, which is not followed" in ran.output
    assert "left out: pipe.jpg: it is no regular file" in ran.output
