"""The index of a backup's objects: a small SQLite file, so that a million of them need no memory."""

import sqlite3
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from pathlib import Path

COLUMNS = "key, size_bytes, sha256, modified_at"


@dataclass(frozen=True)
class CopiedObject:
    """An object in the backup: its size and SHA-256, and when the store says that it was written."""

    key: str
    size_bytes: int
    sha256: str
    modified_at: str


class ObjectIndex:
    """What was copied. A row is there when its file is whole, and stays over runs that were killed."""

    def __init__(self, path: Path, *, writable: bool) -> None:
        if writable:
            self._database = sqlite3.connect(path, isolation_level=None)  # each statement commits
            path.chmod(0o600)
            # Each object is noted at once; the disk need not have it before the manifest is written.
            self._database.execute("PRAGMA synchronous=OFF")
            self._database.execute(
                "CREATE TABLE IF NOT EXISTS objects (key TEXT PRIMARY KEY, size_bytes INTEGER NOT NULL,"
                " sha256 TEXT NOT NULL, modified_at TEXT NOT NULL, named INTEGER NOT NULL) WITHOUT ROWID"
            )
        else:
            self._database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)

    def find(self, key: str) -> CopiedObject | None:
        row = self._database.execute(f"SELECT {COLUMNS} FROM objects WHERE key = ?", (key,)).fetchone()  # noqa: S608
        return CopiedObject(*row) if row else None

    def add(self, copied: CopiedObject) -> None:
        """Note an object that rows name and that is copied."""
        self._database.execute("INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, 1)", astuple(copied))

    def begin_round(self) -> None:
        """Take no object for named until it is added again."""
        self._database.execute("UPDATE objects SET named = 0 WHERE named = 1")

    def forget_unnamed(self) -> None:
        """Forget what no row names any more."""
        self._database.execute("DELETE FROM objects WHERE named = 0")

    def all(self) -> Iterator[CopiedObject]:
        for row in self._database.execute(f"SELECT {COLUMNS} FROM objects ORDER BY key"):  # noqa: S608
            yield CopiedObject(*row)

    def totals(self) -> tuple[int, int]:
        """Return how many objects there are, and their bytes."""
        count, size = self._database.execute("SELECT count(*), coalesce(sum(size_bytes), 0) FROM objects").fetchone()
        return count, size

    def close(self) -> None:
        self._database.close()
