"""A backup brings the whole service back, on its own database and store and on others."""

import io
import json
import uuid
from datetime import datetime
from pathlib import Path

import pytest

from admin.backups import backups, restores, tables, transfers
from core.database import migrations, tallies
from core.database.models import Base, CleanupTask
from core.records import deletions
from tests.admin.backups.conftest import MakePlace
from tests.admin.backups.places import BackupPlace, every_object_key
from tests.core import rows


def told(_line: str) -> None:
    """Take what is told of the progress."""


@pytest.mark.parametrize(("here", "there"), [("folder", "s3"), ("s3", "folder"), ("s3", "s3")])
def test_restored_service_is_the_same(make_place: MakePlace, tmp_path: Path, here: str, there: str) -> None:
    source, target = make_place(here).filled(), make_place(there)
    done = backups.back_up(source.settings, tmp_path / "backup", told)
    restored = restores.restore(target.settings, tmp_path / "backup", told)
    assert (done.objects, restored.objects, restored.stored) == (6, 6, 6)
    assert restored.rows == done.rows
    assert target.lines() == source.lines()
    assert target.objects() == source.objects()
    assert target.told() == source.told()
    again = backups.back_up(target.settings, tmp_path / "again", told)
    assert (again.rows, again.objects, again.missing) == (done.rows, done.objects, 0)
    for name in source.lines():
        assert (tmp_path / f"again/rows/{name}.jsonl").read_bytes() == (
            tmp_path / f"backup/rows/{name}.jsonl"
        ).read_bytes()


def test_every_table_is_saved(source: BackupPlace, tmp_path: Path) -> None:
    backups.back_up(source.settings, tmp_path / "backup", told)
    files = {path.stem for path in (tmp_path / "backup" / "rows").iterdir()}
    assert files | tables.DERIVED == set(Base.metadata.tables), "a table that no backup has"
    empty = [path.stem for path in (tmp_path / "backup" / "rows").iterdir() if not path.stat().st_size]
    assert empty == [], "a table whose rows no test has seen travel"


def test_tables_have_what_a_backup_can_write() -> None:
    known = {uuid.UUID, datetime, bytes, bool, int, float, str, dict}
    kinds = {tables.python_type(column) for table in tables.saved() for column in table.columns}
    assert kinds <= known, "admin/backups/tables.py must learn to write and read it"
    own = [t.name for t in tables.saved() for key in t.foreign_keys if key.column.table is t]
    assert own == [], "rows of a table that refer to each other are inserted in no order"


def test_objects_of_all_rows_are_named(source: BackupPlace) -> None:
    named = set[str]()
    with source.sessions() as session:
        for table in tables.saved():
            text = io.StringIO()
            tables.write(session.connection(), table, text)
            found = tables.object_keys(table, text.getvalue().splitlines(), lambda _: [])
            named |= {key for key, is_named in found if is_named}
    assert named == every_object_key(source) == set(source.objects())


@pytest.mark.parametrize(("here", "there"), [("folder", "s3"), ("s3", "folder")])
def test_videos_come_with_their_folders(
    make_place: MakePlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, here: str, there: str
) -> None:
    monkeypatch.setattr(transfers, "WHOLE_BYTES", 1000)
    source, target = make_place(here).filled(images=1), make_place(there)
    ours = source.add_video(source_key="videos/{id}/source", result_key="videos/{id}/result.mp4")
    theirs = source.add_video(source_key="films/a.mp4")
    for key in (f"{ours}source", f"{ours}result.mp4", f"{ours}tracks.jsonl.gz", f"{theirs}parts/000000", "films/a.mp4"):
        source.store.put(key, key.encode() * 10_000, "video/mp4")
    assert backups.back_up(source.settings, tmp_path / "backup", told).objects == 6
    restores.restore(target.settings, tmp_path / "backup", told)
    assert {**target.objects(), "films/a.mp4": source.objects()["films/a.mp4"]} == source.objects()
    assert target.lines() == source.lines()
    assert backups.back_up(source.settings, tmp_path / "backup", told).copied == 0


def test_totals_are_counted_once(source: BackupPlace, target: BackupPlace, tmp_path: Path) -> None:
    with source.sessions() as session:
        tallies.fold(session)
    gone = source.add_images(2)
    deletions.delete_image(source.store, source.sessions, gone[0].id)
    backups.back_up(source.settings, tmp_path / "backup", told)
    restores.restore(target.settings, tmp_path / "backup", told)
    expected = rows.measured(source.sessions)
    assert rows.measured(target.sessions) == expected != {}
    assert rows.fold(target.sessions) > 0
    assert rows.measured(target.sessions) == expected


@pytest.mark.parametrize("kind", ["folder", "s3"])
def test_restored_service_counts_on(source: BackupPlace, make_place: MakePlace, tmp_path: Path, kind: str) -> None:
    target = make_place(kind)
    backups.back_up(source.settings, tmp_path / "backup", told)
    restores.restore(target.settings, tmp_path / "backup", told)
    with target.sessions.begin() as session:
        task = CleanupTask(s3_key="originals/new")
        session.add(task)
        session.flush()
        assert task.id > max(line["id"] for line in target.lines()["cleanup_tasks"])


def test_migrated_database_with_a_role_for_workers_is_empty(
    source: BackupPlace, make_place: MakePlace, tmp_path: Path
) -> None:
    target = make_place("s3")
    migrations.upgrade(target.settings)
    migrations.ensure_worker(target.settings, "secret")
    done = backups.back_up(source.settings, tmp_path / "backup", told)
    assert restores.restore(target.settings, tmp_path / "backup", told).rows == done.rows
    deeds = [line["deed"] for line in target.lines()["audit_records"]]
    assert deeds == ["service.worker_role", *(line["deed"] for line in source.lines()["audit_records"])]


@pytest.mark.parametrize("kind", ["folder", "s3"])
def test_snapshot_sees_one_moment(make_place: MakePlace, kind: str) -> None:
    place = make_place(kind).filled()
    by_name = {table.name: table for table in tables.saved()}
    with tables.snapshot(place.sessions.kw["bind"]) as connection:
        images = tables.write(connection, by_name["images"], io.StringIO())
        place.add_images(1)
        text = io.StringIO()
        tables.write(connection, by_name["processing_jobs"], text)
    jobs = [json.loads(line) for line in text.getvalue().splitlines()]
    assert (images, len(jobs)) == (5, 5)
