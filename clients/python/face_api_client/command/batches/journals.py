"""The journal of a run, in a file beside the results: after any interruption the next run resumes from it.

One SQLite file: each step is a transaction that has reached the disk before the next one begins, and 100,000 names
need not be in memory. A run locks it exclusively.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Self

import click

from face_api_client.command.batches import journal_tables, pictures
from face_api_client.command.batches.outcomes import (
    STATES,
    DownloadedResult,
    Failure,
    ItemOutcome,
    KnownFile,
    PendingDownload,
)
from face_api_client.command.batches.pictures import LocalPicture

FILE_NAME = ".face-api-batch.journal"
VERSION = "1"  # of the tables, whose names must stay so that runs of an older version can be resumed
CHUNK_ROWS = 500
# States: found → uploaded → finished → downloaded, or one of these final ones:
FAILED = ("refused", "failed", "cancelled", "lost", "deleted")


class JournalError(click.ClickException):
    exit_code = 2  # nothing was started


class Journal:
    """The journal of one batch: the state of each file, and metadata of the run (`batch`, `folder`, …)."""

    def __init__(self, out: Path) -> None:
        self._path = out / FILE_NAME
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise JournalError(f"the results can't be written to {out}: {error.strerror}") from error
        try:
            self._db = sqlite3.connect(self._path, timeout=0)
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode = WAL")  # one flush per step
            self._db.execute("PRAGMA synchronous = FULL")  # what is recorded survives a power cut
            self._db.execute("BEGIN EXCLUSIVE")
            self.is_new = not self._db.execute("SELECT 1 FROM sqlite_master").fetchone()
            self._db.rollback()
        except sqlite3.Error as error:
            raise JournalError(f"another `face-api batch` works in {out}, or it is not writable: {error}") from error

    @classmethod
    def create(cls, out: Path, metadata: dict[str, str], files: Iterable[LocalPicture] = ()) -> Self:
        """Create a journal of all files in one transaction; JournalError if there is one already."""
        journal = cls(out)
        if not journal.is_new:
            journal.close()
            raise JournalError(f"{out} already holds a batch: continue it with --resume, or choose another folder")
        journal._create_tables(metadata, files)
        return journal

    @classmethod
    def open_or_create(cls, out: Path, metadata: dict[str, str]) -> Self:
        """Open the existing journal, or create one without files."""
        journal = cls(out)
        if journal.is_new:
            journal._create_tables(metadata, ())
        else:
            journal_tables.add_columns(journal._db)
        return journal

    @classmethod
    def open_existing(cls, out: Path) -> Self:
        """Open the existing journal; JournalError if there is none."""
        if not (out / FILE_NAME).exists():
            raise JournalError(f"there is nothing to resume in {out}")
        journal = cls(out)
        version = None if journal.is_new else journal.metadata().get("version")
        if version != VERSION:
            journal.close()
            # A run killed before it recorded anything has uploaded nothing either.
            raise JournalError(
                f"{out / FILE_NAME} " + ("is of another version" if version else "is empty: leave --resume out")
            )
        journal_tables.add_columns(journal._db)
        return journal

    def close(self) -> None:
        self._db.close()

    def remove(self) -> None:
        """Close and delete the journal of a run that has sent nothing."""
        self.close()
        self._path.unlink(missing_ok=True)

    def metadata(self) -> dict[str, str]:
        return dict(self._db.execute("SELECT name, value FROM facts").fetchall())

    def set_metadata(self, **values: str) -> None:
        with self._db:
            self._set_metadata(values)

    def add_files(self, files: Iterable[LocalPicture]) -> None:
        """Add files that are to be uploaded."""
        with self._db:
            self._add_found(files)

    def known_files(self) -> dict[str, KnownFile]:
        rows = self._db.execute("SELECT name, size, mtime_ns, sha256 FROM files")
        return {name: KnownFile(*values) for name, *values in rows}

    def takes_files(self) -> bool:
        """Whether the batch is open: it is closed when its last file has been sent."""
        return "batch" not in self.metadata() or "found" in self.counts_by_state()

    def pending_uploads(self) -> Iterator[LocalPicture]:
        """Yield the pictures that are still to be uploaded, by name; the journal may change meanwhile."""
        last = ""
        query = "SELECT name, size FROM files WHERE state = 'found' AND name > ? ORDER BY name LIMIT ?"
        while rows := self._db.execute(query, (last, CHUNK_ROWS)).fetchall():
            yield from (LocalPicture(*row) for row in rows)
            last = rows[-1][0]

    def mark_uploaded(self, uploads: Sequence[tuple[str, str, str]]) -> None:
        """Record the files that the service has accepted: name, sha256, the item's id."""
        rows = [(digest, item, name) for name, digest, item in uploads]
        with self._db:
            self._db.executemany("UPDATE files SET state = 'uploaded', sha256 = ?, item = ? WHERE name = ?", rows)

    def mark_failed(self, failures: Iterable[Failure], state: str = "refused") -> None:
        """Record permanent failures; an unknown name is added."""
        rows = [(failure.name, failure.size, state, failure.code, failure.detail) for failure in failures]
        statement = (
            "INSERT INTO files (name, size, state, code, detail) VALUES (?, ?, ?, ?, ?) ON CONFLICT (name)"
            " DO UPDATE SET state = excluded.state, code = excluded.code, detail = excluded.detail"
        )
        with self._db:
            self._db.executemany(statement, rows)

    def record_outcomes(self, outcomes: Iterable[ItemOutcome]) -> int:
        """Record the outcomes of uploaded items; return how many rows changed. Unknown names are ignored.

        A downloaded result stays downloaded, unless the service has another one since: a person has corrected it.
        """
        ended = [vars(outcome) | {"ended": STATES[outcome.state]} for outcome in outcomes if outcome.state in STATES]
        with self._db:
            changed = self._db.executemany(journal_tables.RECORD_OUTCOME, ended).rowcount
            # A deleted one has no name any more.
            gone = [outcome for outcome in ended if outcome["name"] is None]
            return changed + self._db.executemany(journal_tables.RECORD_DELETION, gone).rowcount

    def add_uploaded(self, names: Iterable[str]) -> None:
        """Add items of a batch that somebody else has uploaded; known ones stay as they are."""
        with self._db:
            rows = ((name,) for name in names)
            self._db.executemany("INSERT OR IGNORE INTO files (name, state) VALUES (?, 'uploaded')", rows)

    def assign_result_names(self, suffix: str) -> None:
        """Choose the result's file name for every picture without one."""
        names = [row[0] for row in self._db.execute("SELECT name FROM files WHERE result IS NULL ORDER BY name")]
        taken = [row[0] for row in self._db.execute("SELECT result FROM files WHERE result IS NOT NULL")]
        results = pictures.result_names(names, taken, suffix)
        with self._db:
            self._db.executemany(
                "UPDATE files SET result = ? WHERE name = ?", ((results[name], name) for name in names)
            )

    def pending_downloads(self) -> list[PendingDownload]:
        """Return some of the results that are still to be downloaded."""
        query = "SELECT name, item, result, result_sha256 FROM files WHERE state = 'finished' ORDER BY name LIMIT ?"
        return [PendingDownload(*row) for row in self._db.execute(query, (CHUNK_ROWS,))]

    def mark_downloaded(self, name: str, sha256: str, size: int) -> None:
        """Record that a result is here, and the digest and size of its file."""
        with self._db:
            statement = "UPDATE files SET state = 'downloaded', result_sha256 = ?, result_size = ? WHERE name = ?"
            self._db.execute(statement, (sha256, size, name))

    def downloaded_results(self) -> list[DownloadedResult]:
        rows = self._db.execute("SELECT name, result, result_size FROM files WHERE state = 'downloaded'")
        return [DownloadedResult(*row) for row in rows]

    def mark_missing(self, names: Iterable[str]) -> None:
        """Record that results are not here any more: they are downloaded again."""
        with self._db:
            statement = "UPDATE files SET state = 'finished', result_sha256 = NULL WHERE name = ?"
            self._db.executemany(statement, ((name,) for name in names))

    def mark_lost(self, state: str, detail: str) -> None:
        """Record that the files in this state will never get an outcome."""
        with self._db:
            statement = "UPDATE files SET state = 'lost', code = 'no_outcome', detail = ? WHERE state = ?"
            self._db.execute(statement, (detail, state))

    def reset_lost(self) -> None:
        """Forget that results could not be had: what was in the way may be gone."""
        with self._db:
            self._db.execute("UPDATE files SET state = 'uploaded' WHERE state = 'lost'")

    def counts_by_state(self) -> dict[str, int]:
        """Return the number of files in each state."""
        return dict(self._db.execute("SELECT state, count(*) FROM files GROUP BY state").fetchall())

    def face_count(self) -> int:
        with closing(
            self._db.execute("SELECT coalesce(sum(faces), 0) FROM files WHERE state = 'downloaded'")
        ) as cursor:
            return int(cursor.fetchone()[0])

    def failures(self) -> Iterator[Failure]:
        """Yield the permanent failures, by name."""
        columns = "name, coalesce(code, state), coalesce(detail, ''), state, size"
        query = f"SELECT {columns} FROM files WHERE state IN {FAILED} ORDER BY name"  # noqa: S608 - constants
        yield from (Failure(*row) for row in self._db.execute(query))

    def deleted_since(self) -> list[str]:
        """Return the pictures whose results are here, and that the service has deleted since, by name."""
        rows = self._db.execute("SELECT name FROM files WHERE state = 'downloaded' AND code = 'deleted' ORDER BY name")
        return [row[0] for row in rows]

    def unfinished(self) -> list[str]:
        """Return the pictures that have neither a result here nor failed, by name."""
        ended = ("downloaded", *FAILED)
        rows = self._db.execute(f"SELECT name FROM files WHERE state NOT IN {ended} ORDER BY name")  # noqa: S608 - constants
        return [row[0] for row in rows]

    def _create_tables(self, metadata: dict[str, str], files: Iterable[LocalPicture]) -> None:
        with self._db:
            self._db.execute("BEGIN EXCLUSIVE")
            journal_tables.create(self._db)
            self._set_metadata({"version": VERSION, **metadata})
            self._add_found(files)

    def _add_found(self, files: Iterable[LocalPicture]) -> None:
        rows = ((file.name, file.size, file.mtime_ns) for file in files)
        self._db.executemany("INSERT INTO files (name, size, mtime_ns, state) VALUES (?, ?, ?, 'found')", rows)

    def _set_metadata(self, values: dict[str, str]) -> None:
        self._db.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", values.items())
