"""`face-api batch download`, `list`, `show` and `cancel`: a service may lie, and a batch may be cancelled."""

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.clients.batches.folders import Run, tree, until
from tests.clients.fake_api import FakeApi, Item, result


def test_download_fetches_somebody_elses_batch(api: FakeApi, run: Run, folder: Path, out: Path, tmp_path: Path) -> None:
    assert run("submit", folder, "--out", out, "--recursive").exit_code == 0
    again = tmp_path / "again"
    ran = run("download", api.only.id, "--out", again)
    assert ran.exit_code == 0
    first, *_, last = ran.output.splitlines()
    assert first == last == f"batch {api.only.id}: {api.url}/console/batches/{api.only.id}, results in {again}"
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
    # Before it knows which item is which picture's, the command has nothing but the name to go by.
    api.fault("items", lambda: until(lambda: api.calls["act"] > 0))
    ran = run("submit", folder, "--out", out)
    assert ran.exit_code == 1 and "lost: a.jpg" in ran.output
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
    assert "completed: 2 of 2 done with 2 faces, 0 failed" in run("status", api.only.id).output
    assert "cancelled" in run("cancel", api.only.id).output
    unknown = run("status", "0b8a3c1e-6f0e-4a53-9d0b-3f1f0a2c7d11")
    assert unknown.exit_code == 1 and "not_found" in unknown.output
