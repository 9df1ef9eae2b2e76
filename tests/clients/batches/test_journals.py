"""The journal's file: a run that an older version began can be resumed."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from face_api_client.command.batches import runs
from face_api_client.command.batches.journals import FILE_NAME, Journal, JournalError
from face_api_client.command.batches.outcomes import Failure, ItemOutcome, PendingDownload
from face_api_client.command.batches.pictures import LocalPicture
from face_api_client.command.batches.runs import FolderListing, SubmitPlan
from face_api_client.command.targets import ServiceTarget

# As version 1 writes it, word for word.
VERSION_1 = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE files (
    name TEXT PRIMARY KEY, size INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL, sha256 TEXT, item TEXT, result TEXT,
    faces INTEGER NOT NULL DEFAULT 0, code TEXT, detail TEXT
);
CREATE INDEX files_by_state ON files (state, name);
CREATE UNIQUE INDEX files_by_result ON files (result);
INSERT INTO facts VALUES ('version', '1'), ('url', 'http://127.0.0.1:1'), ('folder', '{folder}'),
    ('asked', '{{"name": "old"}}'), ('key', 'k'), ('batch', 'b'), ('seen', '2026-03-04T11:00:00+00:00');
INSERT INTO files (name, size, state, item, result, faces, code, detail) VALUES
    ('a.jpg', 7, 'found', NULL, 'a.jpg', 0, NULL, NULL),
    ('b.jpg', 8, 'uploaded', 'i2', 'b.jpg', 0, NULL, NULL),
    ('c.jpg', 9, 'finished', 'i3', 'c.jpg', 2, NULL, NULL),
    ('d.jpg', 9, 'downloaded', 'i4', 'd.jpg', 3, NULL, NULL),
    ('e.jpg', 9, 'refused', NULL, 'e.jpg', 0, 'unsupported_image', 'Not a picture');
"""
TARGET = ServiceTarget("http://127.0.0.1:1", "admin", "password")


def write_version_1(folder: Path, out: Path) -> None:
    out.mkdir()
    with closing(sqlite3.connect(out / FILE_NAME)) as db:
        db.executescript(VERSION_1.format(folder=folder.resolve()))


def test_journal_of_version_1_is_resumed(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_version_1(tmp_path, out)
    with closing(runs.resume(SubmitPlan(tmp_path, out, {}), TARGET)) as journal:
        assert journal.metadata()["asked"] == '{"name": "old"}' and journal.metadata()["batch"] == "b"
        assert list(journal.pending_uploads()) == [LocalPicture("a.jpg", 7)]
        assert journal.pending_downloads() == [PendingDownload("c.jpg", "i3", "c.jpg")]
        assert list(journal.failures()) == [Failure("e.jpg", "unsupported_image", "Not a picture", size=9)]
        assert journal.record_outcomes([ItemOutcome("b.jpg", "i2", "completed", 1)]) == 1
        assert journal.counts_by_state() == {"found": 1, "finished": 2, "downloaded": 1, "refused": 1}
        assert journal.face_count() == 3


def test_journal_is_written_as_version_1(tmp_path: Path) -> None:
    write_version_1(tmp_path, tmp_path / "old")
    plan = SubmitPlan(tmp_path, tmp_path / "new", {"name": "new"})
    with closing(runs.begin(plan, FolderListing([LocalPicture("a.jpg", 7)]), TARGET)) as journal:
        assert set(journal.metadata()) == {"version", "url", "folder", "asked", "recursive", "key"}
    Journal.open_existing(tmp_path / "old").close()  # adds what version 1 may have
    schemas = []
    for folder in ("old", "new"):
        with closing(sqlite3.connect(tmp_path / folder / FILE_NAME)) as db:
            schemas.append(db.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name").fetchall())
    assert schemas[0] == schemas[1]


def test_journal_of_another_version_is_refused(tmp_path: Path) -> None:
    write_version_1(tmp_path, tmp_path / "out")
    with closing(sqlite3.connect(tmp_path / "out" / FILE_NAME)) as db:
        db.execute("UPDATE facts SET value = '2' WHERE name = 'version'")
        db.commit()
    with pytest.raises(JournalError, match="another version"):
        Journal.open_existing(tmp_path / "out")
