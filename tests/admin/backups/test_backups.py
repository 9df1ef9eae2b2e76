"""A backup of a service that is used meanwhile, and one that is brought up to date."""

import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from admin.backups import backups, restores
from admin.backups.backups import BackupReport
from admin.backups.folders import BackupFolder, BackupRefused
from core.database.models import ProcessingJob
from core.database.upserts import table_of
from core.records import deletions
from tests.admin.backups.conftest import MakePlace
from tests.admin.backups.places import BackupPlace
from tests.core import rows
from tests.stack import ROOT


def told(_line: str) -> None:
    """Take what is told of the progress."""


def objects_in(folder: Path) -> set[str]:
    top = folder / "objects"
    return {path.relative_to(top).as_posix() for path in top.rglob("*") if path.is_file()}


class Deleting:
    """Deletes an image each time that rows were taken and their objects are about to be copied."""

    def __init__(self, source: BackupPlace, images: list[uuid.UUID]) -> None:
        self._source, self._images = source, images

    def __call__(self, line: str) -> None:
        if "rows of" in line and self._images:
            deletions.delete_image(self._source.store, self._source.sessions, self._images.pop())


def test_picture_deleted_meanwhile_is_in_no_part(source: BackupPlace, target: BackupPlace, tmp_path: Path) -> None:
    doomed = [image.id for image in source.add_images(2)]
    done = backups.back_up(source.settings, tmp_path / "backup", Deleting(source, [*doomed]))
    assert (done.objects, done.missing) == (6, 0)
    assert objects_in(tmp_path / "backup") == set(source.objects())
    restores.restore(target.settings, tmp_path / "backup", told)
    assert target.lines()["images"] == source.lines()["images"]


def test_endless_deletions_are_refused(source: BackupPlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backups, "MOST_ROUNDS", 2)
    doomed = [image.id for image in source.add_images(3)]
    with pytest.raises(BackupRefused, match="faster than they are copied"):
        backups.back_up(source.settings, tmp_path / "backup", Deleting(source, doomed))
    assert not (tmp_path / "backup" / "manifest.json").exists()


def test_object_that_was_missing_before_is_counted(source: BackupPlace, target: BackupPlace, tmp_path: Path) -> None:
    source.store.delete(min(source.objects()))
    done = backups.back_up(source.settings, tmp_path / "backup", told)
    assert (done.objects, done.missing) == (5, 1)
    assert restores.restore(target.settings, tmp_path / "backup", told).missing == 1


def test_next_backup_copies_what_is_new(source: BackupPlace, tmp_path: Path) -> None:
    def back_up() -> BackupReport:
        return backups.back_up(source.settings, tmp_path / "backup", told)

    first = back_up()
    assert (first.copied, back_up().copied) == (6, 0)
    (new,) = source.add_images(1)
    assert back_up().copied == 2
    deletions.delete_image(source.store, source.sessions, new.id)
    assert back_up().objects == 6
    assert objects_in(tmp_path / "backup") == set(source.objects()), "a deleted picture stays in the backup"


def test_copy_that_has_rotted_is_copied_again(source: BackupPlace, target: BackupPlace, tmp_path: Path) -> None:
    backups.back_up(source.settings, tmp_path / "backup", told)
    path = BackupFolder(tmp_path / "backup").object(min(source.objects()))
    path.write_bytes(b"rot")
    assert backups.back_up(source.settings, tmp_path / "backup", told).copied == 1
    restores.restore(target.settings, tmp_path / "backup", told)
    assert target.objects() == source.objects()


@pytest.mark.slow
def test_memory_does_not_grow_with_the_service(make_place: MakePlace, target: BackupPlace, tmp_path: Path) -> None:
    source = make_place("s3").filled()

    def peak(action: str, place: BackupPlace) -> int:
        command = [sys.executable, "-m", "admin.main", action, str(tmp_path / "backup")]
        program = (
            "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True);"
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
        )
        ran = subprocess.run(
            [sys.executable, "-c", program, *command],
            cwd=ROOT,
            env=place.environment(),
            capture_output=True,
            check=True,
        )
        return int(ran.stdout.splitlines()[-1]) * 1024

    before = peak("backup", source)
    (image,) = rows.saved(source.sessions, 1)
    source.store.put(image.s3_key, b"x", "image/jpeg")
    faces = [{"box": [number / 7, number / 3], "words": "x" * 40} for number in range(100)]
    with source.sessions.begin() as session:
        for _ in range(8):
            made = [vars(rows.detect_job(image)) | {"detections": faces} for _ in range(1000)]
            session.execute(table_of(ProcessingJob).insert(), made)
    assert peak("backup", source) - before < 40e6
    written = (tmp_path / "backup" / "rows" / "processing_jobs.jsonl").stat().st_size
    assert written > 60e6
    assert peak("restore", target) - before < 40e6
