"""`face-api batch submit`: what it sends, what it writes, and which files it leaves alone."""

import errno
import json
import os
from pathlib import Path

import pytest

from core.contract.options import MaskOptions
from core.contract.presets import PRESETS
from tests.clients.batches.folders import Run, tree, write
from tests.clients.batches.test_resume import Submitting
from tests.clients.fake_api import FakeApi, result


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


def test_submit_hands_regions_and_words_on(api: FakeApi, run: Run, folder: Path, out: Path) -> None:
    band = '[{"unit": "relative", "x1": 0, "y1": 0.9, "x2": 1, "y2": 1}]'
    words = ("--strength", "auto", "--cover", "head", "--mask-regions", band, "--keep-regions", "[]")
    assert run("submit", folder, "--out", out, *words).exit_code == 0
    expected = {"strength": "auto", "cover": "head", "mask_regions": json.loads(band), "keep_regions": []}
    assert api.only.asked["options"] == expected
    assert run("submit", folder, "--out", out / "more", "--strength", "50", "--dry-run").exit_code == 0


def test_every_option_of_the_api_is_one_of_the_command(run: Run) -> None:
    reported = run("submit", "--help").output
    assert [name for name in MaskOptions.model_fields if f"--{name.replace('_', '-')}" not in reported] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--confidence", "2"), "--confidence"),
        (("--method", "smudge"), "smudge"),
        (("--strength", "1000"), "--strength: Input should be less than or equal to 999"),
        (("--mask-regions", "[{"), "Send a JSON array"),
        (("--keep-regions", '[{"x1": 0}]'), "--keep-regions[0].y1: Field required"),
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


@pytest.mark.parametrize("dry", [True, False], ids=["dry", "sent"])
def test_files_that_are_left_out_are_named(api: FakeApi, run: Run, folder: Path, out: Path, dry: bool) -> None:
    write(folder, "moving.gif")
    (folder / "elsewhere.jpg").symlink_to("/etc/hostname")
    ran = run("submit", folder, "--out", out, "--recursive", *(["--dry-run"] if dry else []))
    assert ran.exit_code == 0
    assert [line for line in ran.output.splitlines() if line.startswith("left out")] == [
        "left out: elsewhere.jpg: a link out of the folder",
        "left out: moving.gif: its suffix is none of a format that is read",
        "left out: notes.txt: its suffix is none of a format that is read",
    ]
    assert dry or "0 failed, 3 left out" in ran.output


def test_many_files_that_are_left_out_are_counted(api: FakeApi, run: Run, folder: Path, out: Path) -> None:
    write(folder, *(f"{number:02}.xmp" for number in range(40)))
    ran = run("submit", folder, "--out", out)
    assert ran.output.count("left out: ") == 21
    assert "left out: 21 more, which --dry-run names" in ran.output
    dry = run("submit", folder, "--out", out / "more", "--dry-run")
    assert dry.output.count("left out: ") == 41


def test_dry_run_sends_nothing(api: FakeApi, run: Run, folder: Path, out: Path) -> None:
    ran = run("submit", folder, "--out", out, "--recursive", "--dry-run")
    assert ran.exit_code == 0
    assert f"b.png -> {out / 'b.jpg'}" in ran.output and "3 pictures" in ran.output
    assert api.calls.total() == 0 and not out.exists()


def test_preset_is_completed_by_options(api: FakeApi, run: Run, folder: Path, out: Path) -> None:
    words = ("--preset", "safest", "--method", "pixelate")
    assert run("submit", folder, "--out", out, *words).exit_code == 0
    safest = {"method": "pixelate", "cover": "head", "detail": "thorough", "doubtful": "mask", "verify": True}
    assert api.only.asked["options"] == safest
    assert run("submit", folder, "--out", out, "--resume", *words).exit_code == 0
    other = run("submit", folder, "--out", out, "--resume", "--preset", "fastest")
    assert other.exit_code == 2 and "--detail (it was thorough)" in other.output
    again = run("submit", folder, "--out", out / "json", "--job-type", "detect", "--preset", "safest", "--dry-run")
    assert again.exit_code == 0


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_options_of_a_mask(name: str) -> None:
    assert MaskOptions.model_validate(PRESETS[name]).model_dump(include=set(PRESETS[name])) == PRESETS[name]


def test_no_pictures_is_a_usage_error(run: Run, tmp_path: Path, out: Path) -> None:
    (tmp_path / "none").mkdir()
    assert run("submit", tmp_path / "none", "--out", out).exit_code == 2


def test_names_that_cannot_be_sent_are_failures(api: FakeApi, run: Run, folder: Path, out: Path) -> None:
    for name in (b"\xff.jpg", 'café "x".jpg'.encode(), b"a%22.jpg", b"back\\slash.jpg", b"new\nline.jpg"):
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(b"x")
    told = [
        "\\udcff.jpg: its name has characters that can't be shown",
        "a%22.jpg: its name has %22 in it, which can't be sent",
        "back\\slash.jpg: its name has \\ in it, which can't be sent",
        'café "x".jpg: its name has " in it, which can\'t be sent',
        "new\\nline.jpg: its name has characters that can't be shown",
    ]
    for words in (["--dry-run"], []):
        ran = run("submit", folder, "--out", out, *words)
        lines = sorted(line for line in ran.output.splitlines() if "unsendable_name" in line)
        assert lines == sorted(f"refused: {one} (unsendable_name)" for one in told)
    assert ran.exit_code == 1 and "2 done with 2 faces, 0 failed, 5 refused, 1 left out" in ran.output
    assert set(tree(out)) == {"a.jpg", "b.jpg"}
    # They are in the service's counts as well.
    assert api.only.unsent == {one.partition(": ")[0]: "unsendable_name" for one in told}
    assert set(api.only.unsent_sizes.values()) == {1}
    assert "2 of 7 done with 2 faces, 0 failed, 5 refused" in run("status", api.only.id).output
    assert "2 of       7 done, 0 failed, 5 refused" in run("list").output


def test_strange_names_cross_unchanged(api: FakeApi, run: Run, tmp_path: Path, out: Path) -> None:
    names = {"ä ö.jpg", "a+b&c=d;e.jpg", "100%.jpg", "it's.jpg", "日本/写真.jpg", "a\u202fb.jpg", "-x.jpg", "a%2fb.jpg"}
    write(tmp_path / "p", *names)
    ran = run("submit", tmp_path / "p", "--out", out, "--recursive")
    assert ran.exit_code == 0, ran.output
    assert set(api.only.items) == names == set(tree(out))


@pytest.mark.slow
def test_run_shows_lines_without_a_terminal(api: FakeApi, folder: Path, out: Path) -> None:
    status, said = Submitting(api, folder, out).end()
    assert status == 0 and "2 done" in said
