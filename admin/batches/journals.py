"""What a run has done so far, in a file beside the results: whatever kills it, the next run goes on from there.

One SQLite file: each step is a transaction that has reached the disk before the next begins, and 100,000 names need
not be in memory. A run holds it alone.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import click

from admin.batches import pictures
from admin.batches.pictures import LocalPicture

NAME = ".face-api-batch.journal"
VERSION = "1"
AT_ONCE = 500
TABLES = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE files (
    name TEXT PRIMARY KEY, size INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL, sha256 TEXT, item TEXT, result TEXT,
    faces INTEGER NOT NULL DEFAULT 0, code TEXT, detail TEXT
);
CREATE INDEX files_by_state ON files (state, name);
CREATE UNIQUE INDEX files_by_result ON files (result);
"""
# found → uploaded → finished → downloaded; or the end in one of these:
FAILED = ("refused", "failed", "cancelled", "lost")


class JournalError(click.ClickException):
    exit_code = 2  # nothing was begun


@dataclass(frozen=True)
class PendingDownload:
    """A finished picture whose result is to be fetched. item: the service's id; result: a path below OUT."""

    name: str
    item: str
    result: str


@dataclass(frozen=True)
class ItemOutcome:
    """What the service says of an item."""

    name: str
    item: str
    state: str
    faces: int = 0
    code: str | None = None
    detail: str | None = None


@dataclass(frozen=True)
class Failure:
    name: str
    code: str
    detail: str


class Journal:
    """The journal of one batch. Its facts are what the run is about (`batch`, `folder`, …): texts by name."""

    def __init__(self, out: Path) -> None:
        out.mkdir(parents=True, exist_ok=True)
        try:
            self._db = sqlite3.connect(out / NAME, timeout=0)
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode = WAL")  # one flush for each step
            self._db.execute("PRAGMA synchronous = FULL")  # what is noted stays noted, also after a power cut
            self._db.execute("BEGIN EXCLUSIVE")
            self.is_new = not self._db.execute("SELECT 1 FROM sqlite_master").fetchone()
            self._db.rollback()
        except sqlite3.Error as error:
            raise JournalError(f"another `face-api batch` works in {out}, or it can't be written: {error}") from error

    @classmethod
    def begin(cls, out: Path, facts: dict[str, str], found: Iterable[LocalPicture] = ()) -> Self:
        """Make a journal with all that is to be done, whole or not at all; one that is there is a JournalError."""
        journal = cls(out)
        if not journal.is_new:
            journal.close()
            raise JournalError(f"{out} holds a batch already: go on with it by --resume, or choose another folder")
        journal._fill(facts, found)
        return journal

    @classmethod
    def reopen(cls, out: Path, facts: dict[str, str]) -> Self:
        """Open the journal that is there, or make one without files."""
        journal = cls(out)
        if journal.is_new:
            journal._fill(facts, ())
        return journal

    @classmethod
    def resume(cls, out: Path) -> Self:
        """Open the journal that is there; a JournalError without one."""
        if not (out / NAME).exists():
            raise JournalError(f"there is nothing to go on with in {out}")
        journal = cls(out)
        version = None if journal.is_new else journal.facts().get("version")
        if version != VERSION:
            journal.close()
            # Killed before anything was noted, it has sent nothing either.
            raise JournalError(
                f"{out / NAME} " + ("is another version's" if version else "is empty: leave --resume out")
            )
        return journal

    def close(self) -> None:
        self._db.close()

    def facts(self) -> dict[str, str]:
        return dict(self._db.execute("SELECT name, value FROM facts").fetchall())

    def note(self, **facts: str) -> None:
        """Keep facts."""
        with self._db:
            self._set(facts)

    def waiting(self) -> Iterator[LocalPicture]:
        """Yield the pictures that are still to be sent, by name; what is noted meanwhile doesn't disturb it."""
        last = ""
        query = "SELECT name, size FROM files WHERE state = 'found' AND name > ? ORDER BY name LIMIT ?"
        while rows := self._db.execute(query, (last, AT_ONCE)).fetchall():
            yield from (LocalPicture(*row) for row in rows)
            last = rows[-1][0]

    def uploaded(self, sent: Sequence[tuple[str, str, str]]) -> None:
        """Note what the service has taken: name, sha256, the item's id."""
        rows = [(digest, item, name) for name, digest, item in sent]
        with self._db:
            self._db.executemany("UPDATE files SET state = 'uploaded', sha256 = ?, item = ? WHERE name = ?", rows)

    def fail(self, failures: Iterable[Failure], state: str = "refused") -> None:
        """Note what went wrong for good; a name that isn't there yet is added."""
        rows = [(one.name, state, one.code, one.detail) for one in failures]
        statement = (
            "INSERT INTO files (name, state, code, detail) VALUES (?, ?, ?, ?) ON CONFLICT (name)"
            " DO UPDATE SET state = excluded.state, code = excluded.code, detail = excluded.detail"
        )
        with self._db:
            self._db.executemany(statement, rows)

    def learn(self, outcomes: Iterable[ItemOutcome]) -> int:
        """Note what has become of items that were sent; return how many that changed. Others' names are passed by.

        A result that was fetched stays fetched.
        """
        states = {"completed": "finished", "failed": "failed", "cancelled": "cancelled"}
        rows = [
            (states[one.state], one.item, one.faces, one.code, one.detail, one.name, one.item)
            for one in outcomes
            if one.state in states
        ]
        statement = (
            "UPDATE files SET state = ?, item = ?, faces = ?, code = ?, detail = ?"
            " WHERE name = ? AND (item IS NULL OR item = ?) AND state IN ('found', 'uploaded')"
        )
        with self._db:
            return self._db.executemany(statement, rows).rowcount

    def add(self, names: Iterable[str]) -> None:
        """Note items of a batch that somebody else has sent; one that is known stays as it is."""
        with self._db:
            rows = ((name,) for name in names)
            self._db.executemany("INSERT OR IGNORE INTO files (name, state) VALUES (?, 'uploaded')", rows)

    def name_results(self, suffix: str) -> None:
        """Give every picture that has none the name of its result."""
        names = [row[0] for row in self._db.execute("SELECT name FROM files WHERE result IS NULL ORDER BY name")]
        taken = [row[0] for row in self._db.execute("SELECT result FROM files WHERE result IS NOT NULL")]
        found = pictures.result_names(names, taken, suffix)
        with self._db:
            self._db.executemany("UPDATE files SET result = ? WHERE name = ?", ((found[one], one) for one in names))

    def finished(self) -> list[PendingDownload]:
        """Return some of the results that are still to be fetched."""
        query = "SELECT name, item, result FROM files WHERE state = 'finished' ORDER BY name LIMIT ?"
        return [PendingDownload(*row) for row in self._db.execute(query, (AT_ONCE,))]

    def downloaded(self, name: str) -> None:
        with self._db:
            self._db.execute("UPDATE files SET state = 'downloaded' WHERE name = ?", (name,))

    def give_up(self, state: str, detail: str) -> None:
        """Note that what is in this state will never get an outcome."""
        with self._db:
            statement = "UPDATE files SET state = 'lost', code = 'no_outcome', detail = ? WHERE state = ?"
            self._db.execute(statement, (detail, state))

    def look_again(self) -> None:
        """Forget what the service has said of items that failed there: they may have been tried again since."""
        with self._db:
            self._db.execute("UPDATE files SET state = 'uploaded' WHERE state IN ('failed', 'cancelled', 'lost')")

    def counts(self) -> dict[str, int]:
        """Return how many files are in each state."""
        return dict(self._db.execute("SELECT state, count(*) FROM files GROUP BY state").fetchall())

    def faces(self) -> int:
        with closing(self._db.execute("SELECT coalesce(sum(faces), 0) FROM files WHERE state = 'downloaded'")) as found:
            return int(found.fetchone()[0])

    def failures(self) -> Iterator[Failure]:
        """Yield what went wrong for good, by name."""
        query = (
            f"SELECT name, coalesce(code, state), coalesce(detail, '') FROM files WHERE state IN {FAILED} ORDER BY name"  # noqa: S608 - constants
        )
        yield from (Failure(*row) for row in self._db.execute(query))

    def _fill(self, facts: dict[str, str], found: Iterable[LocalPicture]) -> None:
        with self._db:
            self._db.execute("BEGIN EXCLUSIVE")
            for statement in TABLES.split(";"):
                self._db.execute(statement)
            self._set({"version": VERSION, **facts})
            rows = ((one.name, one.size) for one in found)
            self._db.executemany("INSERT INTO files (name, size, state) VALUES (?, ?, 'found')", rows)

    def _set(self, facts: dict[str, str]) -> None:
        self._db.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", facts.items())
