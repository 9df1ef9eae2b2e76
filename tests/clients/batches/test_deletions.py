"""What an administrator or the retention deletes at the service while a run is interrupted, or while it runs."""

from pathlib import Path

import pytest

from tests.clients.batches.folders import Run, tree
from tests.clients.fake_api import FakeApi, Item, refusals, result


def delete(api: FakeApi, *names: str) -> None:
    """Delete pictures whose items ended long ago: polls for what is new don't tell of it."""
    for name in names:
        api.only.items[name].deleted = True


@pytest.mark.parametrize("again", ["submit", "download"])
def test_what_was_deleted_since_is_named_and_counted(
    api: FakeApi, run: Run, folder: Path, out: Path, again: str
) -> None:
    assert run("submit", folder, "--out", out, "--recursive").exit_code == 0
    delete(api, "a.jpg", "deep/er/c d.HEIC")
    words = (
        ("submit", folder, "--out", out, "--resume") if again == "submit" else ("download", api.only.id, "--out", out)
    )
    for _ in range(2):
        ran = run(*words, "--out", out)
        assert ran.exit_code == 0  # all results are here
        assert "3 done with 3 faces, 2 of them deleted at the service since, 0 failed" in ran.output
        told = [line.split(": ")[1] for line in ran.output.splitlines() if line.startswith("deleted since: ")]
        assert told == ["a.jpg", "deep/er/c d.HEIC"]
    assert set(tree(out)) == {"a.jpg", "b.jpg", "deep/er/c d.jpg"}


@pytest.mark.parametrize("again", ["submit", "download"])
def test_result_that_is_deleted_in_both_places_is_a_failure(
    api: FakeApi, run: Run, folder: Path, out: Path, again: str
) -> None:
    assert run("submit", folder, "--out", out).exit_code == 0
    delete(api, "a.jpg")
    (out / "a.jpg").unlink()
    words = (
        ("submit", folder, "--out", out, "--resume") if again == "submit" else ("download", api.only.id, "--out", out)
    )
    for _ in range(2):
        ran = run(*words, "--out", out)
        assert ran.exit_code == 1
        assert "deleted: a.jpg: it was deleted at the service (deleted)" in ran.output
        assert "1 done with 1 face, 0 failed, 1 deleted" in ran.output


def test_what_is_deleted_before_its_download_is_named(api: FakeApi, run: Run, folder: Path, out: Path) -> None:
    """It has finished, and is gone when its result is asked for."""

    def judge(item: Item) -> None:
        if item.name == "b.png":
            api.fault("result", lambda: delete(api, "a.jpg", "b.png"))

    api.judge = judge
    ran = run("submit", folder, "--out", out, "--workers", 1)
    assert ran.exit_code == 1 and "0 done with 0 faces, 0 failed, 2 deleted" in ran.output


def test_dry_run_tells_what_was_deleted_since(api: FakeApi, run: Run, folder: Path, out: Path) -> None:
    assert run("submit", folder, "--out", out).exit_code == 0
    delete(api, "a.jpg", "b.png")
    (out / "b.jpg").unlink()
    before = api.calls.copy()
    for _ in range(2):
        ran = run("submit", folder, "--out", out, "--resume", "--dry-run")
        assert ran.exit_code == 0 and "deleted since: a.jpg: it was deleted at the service" in ran.output
        assert "deleted: b.png: it was deleted at the service (deleted)" in ran.output
        assert "completed: 0 of 2 done with 0 faces, 0 failed, 2 deleted" in ran.output
    assert (api.calls - before).keys() == {"list", "get", "items"}  # which change nothing


def test_dry_run_of_a_deleted_batch_says_so(api: FakeApi, run: Run, folder: Path, out: Path) -> None:
    assert run("submit", folder, "--out", out).exit_code == 0
    batch = api.only.id
    run("delete", batch, "--yes")
    ran = run("submit", folder, "--out", out, "--resume", "--dry-run")
    assert ran.exit_code == 2
    assert f"the service has no batch {batch} (deleted, or another caller's): 2 of 2 results are in" in ran.output


def test_more_deletions_than_a_page_are_found(api: FakeApi, run: Run, tmp_path: Path, out: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(205):
        (folder / f"{number:03}.jpg").write_bytes(b"%d" % number)
    assert run("submit", folder, "--out", out).exit_code == 0
    delete(api, *api.only.items)
    ran = run("submit", folder, "--out", out, "--resume")
    assert ran.output.count("deleted since: ") == 205 and "205 of them deleted" in ran.output


def test_nameless_deletions_are_counted(api: FakeApi, run: Run, folder: Path, out: Path, tmp_path: Path) -> None:
    assert run("submit", folder, "--out", out).exit_code == 0
    delete(api, "a.jpg")
    ran = run("download", api.only.id, "--out", tmp_path / "again")
    assert "1 done with 1 face, 0 failed, in" in ran.output
    assert "1 more deleted at the service, before this folder knew their names" in ran.output


def test_resume_of_a_deleted_batch_names_what_has_no_result(api: FakeApi, run: Run, folder: Path, out: Path) -> None:
    api.fault("result", *refusals(404, "not_found", 1))
    assert run("submit", folder, "--out", out, "--workers", 1).exit_code == 1
    batch = api.only.id
    run("delete", batch, "--yes")
    for _ in range(2):
        ran = run("submit", folder, "--out", out, "--resume")
        assert ran.exit_code == 2 and "lost: a.jpg: its batch is gone (batch_deleted)" in ran.output
        assert f"the service has no batch {batch} (deleted, or another caller's): 1 of 2 results are in" in ran.output
        assert "to resume" not in ran.output and "/console/batches/" not in ran.output
    assert tree(out) == {"b.jpg": result(b"b.png")}


def test_batch_that_is_deleted_meanwhile_ends_the_run(api: FakeApi, run: Run, folder: Path, out: Path) -> None:
    def judge(item: Item) -> None:
        item.state = "running"
        api.fault("items", api.batches.clear)

    api.judge = judge
    ran = run("submit", folder, "--out", out)
    assert ran.exit_code == 2 and "0 of 2 results are in" in ran.output
    assert "lost: a.jpg" in ran.output and "lost: b.png" in ran.output


def test_download_of_no_batch_leaves_nothing(api: FakeApi, run: Run, folder: Path, out: Path, tmp_path: Path) -> None:
    assert run("submit", folder, "--out", out).exit_code == 0
    unknown = "0" * 8 + "-0000-4000-8000-" + "0" * 12
    ran = run("download", unknown, "--out", tmp_path / "none")
    assert ran.exit_code == 2 and "to resume" not in ran.output
    assert ran.output.endswith(f"the service has no batch {unknown} (deleted, or another caller's)\n")
    assert not list((tmp_path / "none").iterdir())
