"""What is corrected or deleted at the service after it was downloaded."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.clients.batches.folders import Run, tree
from tests.clients.fake_api import FakeApi, Item, result


def correct(item: Item) -> None:
    """Let a person mask a picture again."""
    item.corrected, item.finished_at = b"corrected " + item.name.encode(), datetime.now(UTC)
    item.state, item.error = "completed", None


@pytest.mark.parametrize("again", ["submit", "download"])
def test_corrected_result_is_fetched_again(api: FakeApi, run: Run, folder: Path, out: Path, again: str) -> None:
    assert run("submit", folder, "--out", out).exit_code == 0
    correct(api.only.items["b.png"])
    words = (
        ("submit", folder, "--out", out, "--resume") if again == "submit" else ("download", api.only.id, "--out", out)
    )
    ran = run(*words)
    assert ran.exit_code == 0 and ran.output.count("replaced: b.png: it was masked again at the service\n") == 1
    assert tree(out) == {"a.jpg": result(b"a.jpg"), "b.jpg": b"corrected b.png"}
    ran = run(*words)
    assert ran.exit_code == 0 and "replaced" not in ran.output
    assert api.fetched == {"a.jpg": 1, "b.png": 2}


def test_own_file_is_not_replaced_by_a_correction(api: FakeApi, run: Run, folder: Path, out: Path) -> None:
    assert run("submit", folder, "--out", out).exit_code == 0
    (out / "b.jpg").write_bytes(b"retouched by hand")
    correct(api.only.items["b.png"])
    ran = run("submit", folder, "--out", out, "--resume")
    assert ran.exit_code == 1 and "(in_the_way)" in ran.output
    assert tree(out)["b.jpg"] == b"retouched by hand"


def test_correction_makes_up_for_a_failure(api: FakeApi, run: Run, folder: Path, out: Path) -> None:
    def judge(item: Item) -> None:
        if item.name == "b.png":
            item.state, item.error = "failed", {"code": "residual_face", "detail": "a face is left"}

    api.judge = judge
    assert run("submit", folder, "--out", out).exit_code == 1
    correct(api.only.items["b.png"])
    assert run("submit", folder, "--out", out, "--resume").exit_code == 0
    assert tree(out)["b.jpg"] == b"corrected b.png"


def test_deleted_picture_is_named(api: FakeApi, run: Run, folder: Path, out: Path, tmp_path: Path) -> None:
    def judge(item: Item) -> None:
        item.deleted = item.name == "b.png"

    api.judge = judge
    ran = run("submit", folder, "--out", out)
    assert ran.exit_code == 1
    assert "deleted: b.png: it was deleted at the service (deleted)" in ran.output
    assert run("download", api.only.id, "--out", tmp_path / "again").exit_code == 0
    assert set(tree(tmp_path / "again")) == {"a.jpg"}


def test_what_is_deleted_after_its_download_stays_here(api: FakeApi, run: Run, folder: Path, out: Path) -> None:
    assert run("submit", folder, "--out", out).exit_code == 0
    api.only.items["b.png"].deleted = True
    api.only.items["b.png"].finished_at = datetime.now(UTC)
    assert run("submit", folder, "--out", out, "--resume").exit_code == 0
    assert set(tree(out)) == {"a.jpg", "b.jpg"}


def test_summary_says_what_is_to_be_reviewed(api: FakeApi, run: Run, folder: Path, out: Path) -> None:
    assert "to review" not in run("submit", folder, "--out", out).output
    api.only.to_review = 7
    for words in (("submit", folder, "--out", out, "--resume"), ("download", api.only.id, "--out", out)):
        assert f"7 to review: {api.url}/console/review?batch_id={api.only.id}\n" in run(*words).output
    api.only.to_review = 0
    assert "to review" not in run("download", api.only.id, "--out", out).output
