"""`face-api batch submit --resume` when options or the folder are others than before."""

import os
from pathlib import Path

import pytest

from tests.clients.batches.folders import Run, tree, write
from tests.clients.fake_api import FakeApi


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--detail", "fast"], "--detail (it was thorough)"),
        (["--format", "png"], "--format (it was not given)"),
        (["--job-type", "detect"], "--job-type (it was mask)"),
        (["--name", "other"], "--name (it was photos)"),
        (["--recursive"], "--recursive (it was not given)"),
    ],
)
def test_resume_refuses_other_options(
    api: FakeApi, run: Run, folder: Path, out: Path, words: list[str], named: str
) -> None:
    assert run("submit", folder, "--out", out, "--detail", "thorough").exit_code == 0
    before = api.calls.total()
    ran = run("submit", folder, "--out", out, "--resume", *words)
    assert ran.exit_code == 2 and named in ran.output
    assert api.calls.total() == before
    assert run("submit", folder, "--out", out, "--resume", "--detail", "thorough").exit_code == 0


def test_whereabouts_are_told_first_and_last(api: FakeApi, run: Run, folder: Path, out: Path) -> None:
    ran = run("submit", folder, "--out", out)
    line = f"batch {api.only.id}: {api.url}/console/batches/{api.only.id}, results in {out}"
    assert ran.stdout.splitlines()[-1] == line and line in ran.stderr.splitlines()


def interrupt(api: FakeApi, run: Run, folder: Path, out: Path) -> None:
    """Begin a run that ends before it has sent a picture."""

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("face_api_client.command.batches.runs._upload", lambda *_: stop())
        assert run("submit", folder, "--out", out).exit_code == 130
    assert len(api.batches) == 1 and not api.sent


def test_resume_sends_new_files(api: FakeApi, run: Run, folder: Path, out: Path) -> None:
    interrupt(api, run, folder, out)
    write(folder, "new.jpg", "late.gif")
    told = run("submit", folder, "--out", out, "--resume", "--dry-run")
    assert told.exit_code == 0 and "would be sent: new.jpg" in told.output and "would be sent: a.jpg" in told.output
    assert "left out: late.gif" in told.output and not api.sent
    assert run("submit", folder, "--out", out, "--resume").exit_code == 0
    assert set(tree(out)) == {"a.jpg", "b.jpg", "new.jpg"}


def test_resume_names_what_is_not_sent(api: FakeApi, run: Run, folder: Path, out: Path) -> None:
    assert run("submit", folder, "--out", out).exit_code == 0
    (folder / "a.jpg").write_bytes(b"A.JPG")  # of the same size
    os.utime(folder / "b.png")  # touched alone
    write(folder, "new.jpg")
    ran = run("submit", folder, "--out", out, "--resume")
    assert ran.exit_code == 1
    assert "not sent: a.jpg: it has changed" in ran.output and "not sent: new.jpg: it is new" in ran.output
    assert "b.png" not in ran.output and api.sent.total() == 2
