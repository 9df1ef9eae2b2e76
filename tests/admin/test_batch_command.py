"""`face-api batch` against a small API in memory: what it sends, fetches, outlasts, refuses, and remembers."""

import errno
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from admin.batches import clients, downloads, journals
from admin.main import main
from core import config
from core.config import ROOT
from core.contract.options import MaskOptions
from tests.admin.fake_api import PASSWORD, FakeApi, Item, refusals, result

Run = Callable[..., Result]


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
    monkeypatch.setattr(downloads, "LOOK_EVERY_S", 0.02)
    settings = config.read(admin_password=PASSWORD, var_dir=tmp_path / "var")
    monkeypatch.setattr(config, "load", lambda: settings)

    def invoke(*words: object, **environment: str) -> Result:
        told = {"FACE_API_URL": api.url} | environment
        return CliRunner().invoke(main, ["batch", *map(str, words)], env=told, catch_exceptions=False)

    return invoke


def write(folder: Path, *names: str) -> None:
    """Write files whose content is their name."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())


def tree(folder: Path) -> dict[str, bytes]:
    """Return what is in a folder, beside the journal."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(journals.NAME))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_submit_fetches_results_into_the_same_tree(api: FakeApi, run: Run, folder: Path, out: Path) -> None:
    ran = run("submit", folder, "--out", out, "--recursive")
    assert ran.exit_code == 0, ran.output
    assert tree(out) == {
        "a.jpg": result(b"a.jpg"),
        "b.jpg": result(b"b.png"),
        "deep/er/c d.jpg": result(b"deep/er/c d.HEIC"),
    }
    assert "3 done with 3 faces, 0 failed" in ran.output
    assert api.only.closed and set(api.only.items) == {"a.jpg", "b.png", "deep/er/c d.HEIC"}


def test_submit_stays_at_the_top_unasked(api: FakeApi, run: Run, folder: Path, out: Path) -> None:
    assert run("submit", folder, "--out", out).exit_code == 0
    assert set(api.only.items) == {"a.jpg", "b.png"}


def test_submit_hands_options_on(api: FakeApi, run: Run, folder: Path, out: Path) -> None:
    words = ("--method", "solid", "--padding", "0.5", "--format", "png", "--name", "tuesday", "--webhook", "http://a/b")
    assert run("submit", folder, "--out", out, *words).exit_code == 0
    assert api.only.asked == {
        "name": "tuesday",
        "job_type": "mask",
        "options": {"method": "solid", "padding": 0.5, "format": "png"},
        "webhook_url": "http://a/b",
    }
    assert set(tree(out)) == {"a.png", "b.png"}


def test_every_option_of_the_api_is_one_of_the_command(run: Run) -> None:
    told = run("submit", "--help").output
    assert [name for name in MaskOptions.model_fields if f"--{name.replace('_', '-')}" not in told] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--confidence", "2"), "--confidence"),
        (("--method", "smudge"), "smudge"),
        (("--job-type", "detect", "--method", "solid"), "detect has no such option"),
    ],
)
def test_wrong_options_send_nothing(
    api: FakeApi, run: Run, folder: Path, out: Path, words: tuple[str, ...], said: str
) -> None:
    ran = run("submit", folder, "--out", out, *words)
    assert ran.exit_code == 2
    assert said in ran.output
    assert api.calls.total() == 0 and not out.exists()


def test_detections_become_json_files(run: Run, folder: Path, out: Path) -> None:
    assert run("submit", folder, "--out", out, "--job-type", "detect", "--recursive").exit_code == 0
    assert set(tree(out)) == {"a.json", "b.json", "deep/er/c d.json"}


def test_names_that_collide_stay_apart(run: Run, tmp_path: Path, out: Path) -> None:
    write(tmp_path / "p", "a.jpg", "a.png", "A.tiff", "b.png", "b.heic", "c.jpeg", "d.JPG", "e.png")
    assert run("submit", tmp_path / "p", "--out", out).exit_code == 0
    sources = {"a.jpg": "a.jpg", "a.png.jpg": "a.png", "A.tiff.jpg": "A.tiff", "b.png.jpg": "b.png"}
    sources |= {"b.heic.jpg": "b.heic", "c.jpeg": "c.jpeg", "d.JPG": "d.JPG", "e.jpg": "e.png"}
    assert tree(out) == {name: result(source.encode()) for name, source in sources.items()}


def test_links_that_lead_out_are_not_followed(api: FakeApi, run: Run, folder: Path, out: Path, tmp_path: Path) -> None:
    write(tmp_path, "secret.jpg", "elsewhere/x.jpg")
    (folder / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    (folder / "inner.jpg").symlink_to(folder / "a.jpg")
    (folder / "broken.jpg").symlink_to(folder / "nothing.jpg")
    (folder / "away").symlink_to(tmp_path / "elsewhere")
    assert run("submit", folder, "--out", out, "--recursive").exit_code == 0
    assert set(api.only.items) == {"a.jpg", "b.png", "deep/er/c d.HEIC", "inner.jpg"}


def test_results_in_the_folder_are_no_pictures(api: FakeApi, run: Run, folder: Path) -> None:
    write(folder, "masked/old.jpg")
    assert run("submit", folder, "--out", folder / "masked", "--recursive").exit_code == 0
    assert "masked/old.jpg" not in api.only.items


def test_results_never_replace_the_pictures(api: FakeApi, run: Run, folder: Path) -> None:
    assert run("submit", folder, "--out", folder).exit_code == 2
    assert api.calls.total() == 0


def test_results_never_replace_other_files(api: FakeApi, run: Run, folder: Path, out: Path) -> None:
    write(out, "a.jpg", "deep")
    ran = run("submit", folder, "--out", out, "--recursive")
    assert ran.exit_code == 1 and ran.output.count("(in_the_way)") == 2
    assert tree(out) == {"a.jpg": b"a.jpg", "deep": b"deep", "b.jpg": result(b"b.png")}
    (out / "a.jpg").unlink()
    assert run("submit", folder, "--out", out, "--resume").exit_code == 1
    assert tree(out)["a.jpg"] == result(b"a.jpg")


def test_download_among_the_pictures_replaces_none(api: FakeApi, run: Run, folder: Path, out: Path) -> None:
    run("submit", folder, "--out", out)
    before = tree(folder)
    assert run("download", api.only.id, "--out", folder).exit_code == 1
    assert tree(folder) == before | {"b.jpg": result(b"b.png")}


def test_result_that_was_not_noted_is_kept(api: FakeApi, run: Run, folder: Path, out: Path) -> None:
    write(out, "b.jpg")
    (out / "b.jpg").write_bytes(result(b"b.png"))
    assert run("submit", folder, "--out", out).exit_code == 0


def test_full_disk_is_said(run: Run, folder: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    ran = run("submit", folder, "--out", out)
    assert ran.exit_code == 1 and "No space left" in ran.output and "--resume" in ran.output


def test_dry_run_sends_nothing(api: FakeApi, run: Run, folder: Path, out: Path) -> None:
    ran = run("submit", folder, "--out", out, "--recursive", "--dry-run")
    assert ran.exit_code == 0
    assert f"b.png -> {out / 'b.jpg'}" in ran.output and "3 pictures" in ran.output
    assert api.calls.total() == 0 and not out.exists()


def test_no_pictures_is_a_usage_error(run: Run, tmp_path: Path, out: Path) -> None:
    (tmp_path / "none").mkdir()
    assert run("submit", tmp_path / "none", "--out", out).exit_code == 2


def test_failures_are_named_and_end_with_1(api: FakeApi, run: Run, folder: Path, out: Path) -> None:
    def judge(item: Item) -> None:
        if item.name == "b.png":
            item.state, item.error = "failed", {"code": "undecodable_image", "detail": "it is cut short"}

    api.judge = judge
    (folder / "x.jpg").write_bytes(b"broken")
    ran = run("submit", folder, "--out", out)
    assert ran.exit_code == 1
    assert "failed: b.png: it is cut short (undecodable_image)" in ran.output
    assert "failed: x.jpg: Not a picture (unsupported_image)" in ran.output
    assert "1 done with 1 faces, 2 failed" in ran.output
    assert set(tree(out)) == {"a.jpg"}


def test_unreadable_file_fails_alone(api: FakeApi, run: Run, folder: Path, out: Path) -> None:
    looked = []
    real = journals.Journal.begin

    def remove_then_begin(*args: Any, **options: Any) -> Any:
        (folder / "b.png").unlink()
        looked.append(1)
        return real(*args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journals.Journal, "begin", remove_then_begin)
        ran = run("submit", folder, "--out", out)
    assert looked and ran.exit_code == 1 and "failed: b.png: No such file" in ran.output
    assert set(tree(out)) == {"a.jpg"}


def test_names_that_cannot_be_sent_are_failures(run: Run, folder: Path, out: Path) -> None:
    for name in (b"\xff.jpg", b'say "x".jpg', b"a%22.jpg", b"back\\slash.jpg", b"new\nline.jpg"):
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(b"x")
    ran = run("submit", folder, "--out", out)
    assert ran.exit_code == 1 and ran.output.count("(unsendable_name)") == 5
    assert set(tree(out)) == {"a.jpg", "b.jpg"}


def test_strange_names_cross_unchanged(api: FakeApi, run: Run, tmp_path: Path, out: Path) -> None:
    names = {"ä ö.jpg", "a+b&c=d;e.jpg", "100%.jpg", "it's.jpg", "日本/写真.jpg", "a\u202fb.jpg", "-x.jpg", "a%2fb.jpg"}
    write(tmp_path / "p", *names)
    ran = run("submit", tmp_path / "p", "--out", out, "--recursive")
    assert ran.exit_code == 0, ran.output
    assert set(api.only.items) == names == set(tree(out))


@pytest.mark.parametrize(("status", "code"), [(503, "queue_full"), (429, "rate_limited"), (503, "storage_unavailable")])
def test_back_pressure_is_obeyed(api: FakeApi, run: Run, folder: Path, out: Path, status: int, code: str) -> None:
    api.fault("images", *refusals(status, code, 2, "1"))
    ran = run("submit", folder, "--out", out)
    assert ran.exit_code == 0, ran.output
    times = [moment for moment, kind in api.times if kind == "images"]
    assert len(times) == 3
    assert all(later - sooner >= 0.99 for sooner, later in itertools.pairwise(times))


def test_proxies_errors_are_outlasted(api: FakeApi, run: Run, folder: Path, out: Path) -> None:
    for kind in ("create", "images", "get", "items", "result", "act"):
        api.fault(kind, *refusals(502, "bad_gateway", 1))
    assert run("submit", folder, "--out", out).exit_code == 0
    assert len(api.batches) == 1


def test_restart_of_the_service_is_outlasted(api: FakeApi, run: Run, folder: Path, out: Path) -> None:
    def restart() -> None:
        def later() -> None:
            api.stop()
            time.sleep(0.5)
            api.restart()

        threading.Thread(target=later).start()
        time.sleep(0.2)

    api.fault("images", restart)
    assert run("submit", folder, "--out", out).exit_code == 0
    assert set(tree(out)) == {"a.jpg", "b.jpg"}


def test_service_that_is_not_there_is_not_waited_for(
    run: Run, folder: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "FIRST_PATIENCE_S", 0.3)
    ran = run("submit", folder, "--out", out, FACE_API_URL="http://127.0.0.1:9")
    assert ran.exit_code == 1
    assert "can't be reached" in ran.output and "--resume" in ran.output


def test_wrong_password_ends_with_2(
    api: FakeApi, run: Run, folder: Path, out: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = config.read(admin_password="almost", var_dir=tmp_path)
    monkeypatch.setattr(config, "load", lambda: settings)
    ran = run("submit", folder, "--out", out)
    assert ran.exit_code == 2 and "the password is wrong" in ran.output
    assert api.calls.total() == 1, "a lockout must not be provoked"


def test_missing_password_ends_with_2(
    run: Run, folder: Path, out: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = config.read(var_dir=tmp_path)
    monkeypatch.setattr(config, "load", lambda: settings)
    ran = run("submit", folder, "--out", out)
    assert ran.exit_code == 2 and "FACE_API_ADMIN_PASSWORD" in ran.output


def test_written_password_is_for_its_own_service(
    api: FakeApi, run: Run, folder: Path, out: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = config.read(var_dir=tmp_path)
    monkeypatch.setattr(config, "load", lambda: settings)
    (tmp_path / "dev.env").write_text(f"FACE_API_URL={api.url}\nFACE_API_ADMIN_PASSWORD='{PASSWORD}'\n")
    assert run("submit", folder, "--out", out, FACE_API_URL="http://other.example").exit_code == 2
    assert run("submit", folder, "--out", out, FACE_API_URL="").exit_code == 0


def test_call_that_is_too_large_is_split(api: FakeApi, run: Run, tmp_path: Path, out: Path) -> None:
    names = [f"{number:02}.jpg" for number in range(30)]
    write(tmp_path / "p", *names)
    (tmp_path / "p" / "huge.jpg").write_bytes(bytes(20_000))
    api.limit = 3000
    ran = run("submit", tmp_path / "p", "--out", out)
    assert ran.exit_code == 1 and ran.output.count("(upload_too_large)") == 1
    assert set(tree(out)) == set(names)
    assert max(api.sent.values()) == 1


def test_calls_are_bounded(api: FakeApi, run: Run, tmp_path: Path, out: Path) -> None:
    for number in range(5):
        path = tmp_path / "p" / f"{number}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(bytes(3 * 2**20))
    assert run("submit", tmp_path / "p", "--out", out).exit_code == 0
    assert api.calls["images"] == 3 and api.largest_call < 7 * 2**20


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


def test_download_fetches_somebody_elses_batch(api: FakeApi, run: Run, folder: Path, out: Path, tmp_path: Path) -> None:
    assert run("submit", folder, "--out", out, "--recursive").exit_code == 0
    again = tmp_path / "again"
    assert run("download", api.only.id, "--out", again).exit_code == 0
    assert tree(again) == tree(out)
    assert run("download", api.only.id, "--out", again).exit_code == 0
    assert max(api.fetched.values()) == 2


@pytest.mark.parametrize(
    "name", ["../evil.jpg", "/etc/evil.jpg", "a/../../evil.jpg", "a//evil.jpg", "evil\x00.jpg", "."]
)
def test_lying_names_stay_in_the_folder(api: FakeApi, run: Run, folder: Path, tmp_path: Path, name: str) -> None:
    assert run("submit", folder, "--out", tmp_path / "o1").exit_code == 0
    api.only.items["b.png"].shown_as = name
    before = {path for path in tmp_path.rglob("*") if tmp_path / "o2" not in path.parents}
    ran = run("download", api.only.id, "--out", tmp_path / "o2")
    assert ran.exit_code == 1 and "(unsafe_name)" in ran.output
    assert {path for path in tmp_path.rglob("*") if tmp_path / "o2" not in path.parents} - before == {tmp_path / "o2"}
    assert set(tree(tmp_path / "o2")) == {"a.jpg"}


def test_link_in_the_results_leads_nowhere(api: FakeApi, run: Run, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "o").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "o" / "deep").symlink_to(tmp_path / "elsewhere")
    ran = run("submit", folder, "--out", tmp_path / "o", "--recursive")
    assert ran.exit_code == 1 and "(unsafe_name)" in ran.output
    assert not list((tmp_path / "elsewhere").iterdir())


def test_names_of_a_lying_service_change_nothing(api: FakeApi, run: Run, folder: Path, out: Path) -> None:
    def judge(item: Item) -> None:
        if item.name == "a.jpg":
            item.shown_as = "b.png"  # the outcome of one under the name of another

    api.judge = judge
    ran = run("submit", folder, "--out", out)
    assert ran.exit_code == 1 and "failed: a.jpg" in ran.output
    assert tree(out) == {"b.jpg": result(b"b.png")}


def test_cancelled_batch_ends(api: FakeApi, run: Run, folder: Path, out: Path) -> None:
    def cancel() -> None:
        api.only.cancelled = True

    api.fault("images", cancel)
    assert run("submit", folder, "--out", out).exit_code == 1
    ran = run("submit", folder, "--out", out, "--resume")
    assert ran.exit_code == 1 and ran.output.count("(no_outcome)") == 2


def test_last_items_of_a_cancelled_batch_are_waited_for(api: FakeApi, run: Run, folder: Path, out: Path) -> None:
    def work(item: Item) -> None:
        item.state = "running"

    def finish() -> None:
        for item in api.only.items.values():
            item.state, item.finished_at = "completed", datetime.now(UTC)

    def cancel() -> None:
        api.only.cancelled = True
        threading.Timer(0.5, finish).start()

    api.judge = work
    api.fault("act", cancel)
    assert run("submit", folder, "--out", out).exit_code == 0
    assert set(tree(out)) == {"a.jpg", "b.jpg"}


def test_batches_are_listed_shown_and_cancelled(api: FakeApi, run: Run, folder: Path, out: Path) -> None:
    run("submit", folder, "--out", out, "--name", "tuesday")
    assert "tuesday" in run("list").output and api.only.id in run("list").output
    assert "completed: 2 of 2 done with 2 faces" in run("status", api.only.id).output
    assert "cancelled" in run("cancel", api.only.id).output
    unknown = run("status", "0b8a3c1e-6f0e-4a53-9d0b-3f1f0a2c7d11")
    assert unknown.exit_code == 1 and "not_found" in unknown.output


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
        output, _ = self.process.communicate(timeout=60)
        return self.process.returncode, output


def until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.005)


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
    (out / f"{downloads.PART}x").write_bytes(b"half")
    assert run("submit", folder, "--out", out, "--resume").exit_code == 0
    assert set(tree(out)) == {"a.jpg", "b.jpg"}


def test_two_runs_do_not_share_a_folder(api: FakeApi, run: Run, folder: Path, out: Path) -> None:
    api.delay_s = 2
    first = Submitting(api, folder, out)
    until(lambda: api.calls["images"] > 0)
    second = run("submit", folder, "--out", out, "--resume")
    assert second.exit_code == 2 and "another `face-api batch` works in" in second.output
    assert first.end()[0] == 0


def test_run_shows_lines_without_a_terminal(api: FakeApi, folder: Path, out: Path) -> None:
    status, said = Submitting(api, folder, out).end()
    assert status == 0 and "2 done" in said
