"""What is not whole, not empty, or not of this schema is refused before anything is written."""

import json
import stat
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import select
from sqlalchemy.orm import Session

from admin.backups import backups, restores
from admin.backups.folders import BackupFolder, BackupRefused
from admin.main import main
from core import config
from core.contract.deeds import Deed
from core.database import engine, migrations
from core.database.models import AuditRecord, CleanupTask
from core.records import cleanups, deletions
from tests.admin.backups.places import BackupPlace


def told(_line: str) -> None:
    """Take what is told of the progress."""


@pytest.fixture
def folder(source: BackupPlace, tmp_path: Path) -> Path:
    """Return a whole backup of the source."""
    backups.back_up(source.settings, tmp_path / "backup", told)
    return tmp_path / "backup"


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def changed(folder: Path, **values: object) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


@pytest.mark.parametrize(
    "pattern", ["objects/originals/*/*", "objects/processed/*/*", "rows/images.jsonl", "objects.sqlite3"]
)
def test_flipped_byte_is_refused(folder: Path, target: BackupPlace, pattern: str) -> None:
    flip(max(folder.glob(pattern)))
    with pytest.raises(BackupRefused, match="damaged or missing: nothing was restored"):
        restores.restore(target.settings, folder, told)
    assert target.is_untouched()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda folder: (folder / "manifest.json").unlink(), "no whole backup"),
        (lambda folder: (folder / "manifest.json").write_text("{"), "damaged"),
        (lambda folder: changed(folder, rows={}), "damaged"),
        (lambda folder: changed(folder, object_bytes=1), "damaged"),
        (lambda folder: changed(folder, nonsense=1), "damaged"),
        (lambda folder: changed(folder, format=2), "another format"),
        (lambda folder: changed(folder, revision="0001"), "with a version that has 0001, then .* `face-api migrate`"),
        (lambda folder: next(folder.glob("objects/*/*/*")).unlink(), "damaged or missing"),
    ],
)
def test_backup_that_is_not_whole_is_refused(
    folder: Path, target: BackupPlace, spoil: Callable[[Path], object], words: str
) -> None:
    spoil(folder)
    with pytest.raises(BackupRefused, match=words):
        restores.restore(target.settings, folder, told)
    assert target.is_untouched()


def test_old_database_is_refused(folder: Path, make_old: BackupPlace) -> None:
    with pytest.raises(BackupRefused, match=r"the database has the schema 0001.*`face-api migrate` first"):
        restores.restore(make_old.settings, folder, told)
    with pytest.raises(BackupRefused, match="`face-api migrate` first"):
        backups.back_up(make_old.settings, folder.parent / "other", told)


@pytest.fixture
def make_old(target: BackupPlace) -> BackupPlace:
    migrations.upgrade(target.settings, "0001")
    return target


def test_service_with_rows_is_refused(folder: Path, source: BackupPlace) -> None:
    before = source.lines()
    with pytest.raises(BackupRefused, match=r"the database holds .* already"):
        restores.restore(source.settings, folder, told)
    assert source.lines() == before


def test_store_with_other_objects_is_refused(folder: Path, target: BackupPlace) -> None:
    target.store.put("originals/6f9619ff-8b86-d011-b42d-00c04fc964ff/a.jpg", b"x", "image/jpeg")
    with pytest.raises(BackupRefused, match="objects that are not of this backup"):
        restores.restore(target.settings, folder, told)
    assert migrations.current(target.settings) is None


def test_adding_brings_back_what_was_deleted(folder: Path, source: BackupPlace) -> None:
    before, told_before, held = source.lines(), source.told(), source.objects()
    (deleted, *_) = [image for image in before["images"] if image["s3_key"] in held]
    deletions.delete_image(source.store, source.sessions, uuid.UUID(deleted["id"]))
    with source.sessions.begin() as session:
        cleanups.register(session, [deleted["s3_key"]])  # its removal failed at first
    assert source.lines() != before
    newer = source.add_images(1)
    done = restores.restore(source.settings, folder, told, add=True)
    assert (done.rows, done.stored) == (2, 2)
    assert {*held} < {*source.objects()}
    kept = [image for image in source.lines()["images"] if image["id"] != str(newer[0].id)]
    assert kept == before["images"]
    assert source.told()["statistics"].total_images == told_before["statistics"].total_images + 1
    with source.sessions() as session:
        assert not session.query(CleanupTask).filter_by(s3_key=deleted["s3_key"]).count()


def test_backup_is_private(folder: Path) -> None:
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != ".lock"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    folders = [folder, folder / "rows", folder / "objects"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o700}


def test_folder_of_something_else_is_refused(source: BackupPlace, tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "a.txt").write_text("dear")
    with pytest.raises(BackupRefused, match="holds something else than a backup"):
        backups.back_up(source.settings, tmp_path / "letters", told)


def test_second_backup_at_a_time_is_refused(folder: Path, source: BackupPlace) -> None:
    with BackupFolder(folder).locked(), pytest.raises(BackupRefused, match="another backup"):
        backups.back_up(source.settings, folder, told)


def test_damaged_index_asks_for_a_new_folder(folder: Path, source: BackupPlace) -> None:
    (folder / "objects.sqlite3").write_bytes(b"no database" * 1000)
    with pytest.raises(BackupRefused, match="begin again in a new folder"):
        backups.back_up(source.settings, folder, told)


def deeds(place: BackupPlace) -> list[str]:
    """Return what the audit trail of a place tells of the service itself, oldest first."""
    with Session(engine.create(place.settings)) as session:
        at_service = AuditRecord.deed.startswith("service.")
        return list(session.scalars(select(AuditRecord.deed).where(at_service).order_by(AuditRecord.at)))


def test_commands_say_what_they_did(
    source: BackupPlace, target: BackupPlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(place: BackupPlace, *arguments: str) -> str:
        monkeypatch.setenv("FACE_API_VAR_DIR", str(place.settings.var_dir))
        config.load.cache_clear()
        ran = CliRunner().invoke(main, [*arguments, str(tmp_path / "backup")], catch_exceptions=False)
        config.load.cache_clear()
        return ran.output

    assert "copied by this run: 6 objects" in run(source, "backup")
    assert "stored by this run: 6 objects" in run(target, "restore")
    assert "already: restore into an empty database and bucket" in run(target, "restore")
    assert "restored: 0 rows" in run(target, "restore", "--add")
    assert deeds(target) == [Deed.BACKED_UP, Deed.RESTORED, Deed.RESTORED]
    monkeypatch.setenv("FACE_API_DATABASE_ENABLED", "false")
    monkeypatch.setenv("FACE_API_API_KEY_ENABLED", "false")
    assert "FACE_API_DATABASE_ENABLED is false" in run(target, "backup")


def test_folder_that_cannot_be_made_is_told_in_a_line(source: BackupPlace, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BackupRefused, match="can't be written to"):
        backups.back_up(source.settings, tmp_path / "file" / "backup", told)
