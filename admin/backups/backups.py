"""Makes a backup: the rows as they were at one moment, then the objects that they name, then the manifest.

An object is stored before its row and deleted after it, so at the moment of the rows each object was there. One that is
gone when its turn comes was deleted since, with its row: then the rows are taken anew, and what is new is copied. What
two snapshots name and the store has in neither was missing before.
"""

import io
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import Engine

from admin.backups import folders, tables, transfers
from admin.backups.folders import BackupFolder, BackupManifest, BackupRefused, FileEntry
from admin.backups.indexes import CopiedObject, ObjectIndex
from core.config import Settings
from core.database import engine, migrations
from core.database.clock import now
from core.errors import NotFound
from core.services import object_store
from core.storage.base import ObjectStore

MOST_ROUNDS = 10  # chosen: each takes only what came during the one before, so the third is short already
Tell = Callable[[str], None]


@dataclass(frozen=True)
class BackupReport:
    """What a backup holds, and how many of its objects this run has copied."""

    rows: int
    objects: int
    object_bytes: int
    missing: int
    copied: int


def back_up(settings: Settings, path: Path, tell: Tell) -> BackupReport:
    """Bring a folder to the present state of the service; what it holds already is not copied again."""
    folder = BackupFolder(path)
    bind = engine.create(settings)
    try:
        revision = require_newest_schema(settings)
        with folder.locked():
            folder.drop_manifest()
            with index_of(folder) as index:
                run = BackupRun(bind, object_store(settings), folder, index, tell)
                manifest = run.finish(run.rounds(), revision)
            folder.write_manifest(replace(manifest, objects=_entry(folder, manifest)))
    finally:
        bind.dispose()
    rows = sum(entry.count for entry in manifest.rows.values())
    return BackupReport(rows, manifest.objects.count, manifest.object_bytes, manifest.missing, run.copied)


@contextmanager
def index_of(folder: BackupFolder) -> Iterator[ObjectIndex]:
    """Open the index of the objects, which a machine that lost its power may have left damaged."""
    try:
        with closing(ObjectIndex(folder.index, writable=True)) as index:
            yield index
    except sqlite3.DatabaseError as error:
        raise BackupRefused(f"{folder.index} is damaged ({error}): begin again in a new folder") from error


def _entry(folder: BackupFolder, manifest: BackupManifest) -> FileEntry:
    """Return the entry of the index, which is closed by now."""
    return FileEntry(manifest.objects.count, folders.sha256(folder.index))


def require_newest_schema(settings: Settings) -> str:
    """Return the revision of the tables; BackupRefused unless it is this version's."""
    found, newest = migrations.current(settings), migrations.head()
    if found != newest:
        raise BackupRefused(
            f"the database has the schema {found or '(none)'}, this version of Face API {newest}:"
            " run `face-api migrate` first"
        )
    return newest


class BackupRun:
    """One run: rows and objects again and again, until the objects of all rows are there."""

    def __init__(
        self, bind: Engine, store: ObjectStore | None, folder: BackupFolder, index: ObjectIndex, tell: Tell
    ) -> None:
        self._bind, self._store, self._folder, self._index, self._tell = bind, store, folder, index, tell
        self.copied = 0

    def rounds(self) -> BackupManifest:
        """Take rows and objects until no picture was deleted meanwhile."""
        before: set[str] | None = None
        for _ in range(MOST_ROUNDS):
            taken_at = now().isoformat()
            rows = self._take_rows()
            gone = self._copy_objects()
            if not gone or gone == before:
                return BackupManifest("", taken_at, 0, len(gone), FileEntry(0, ""), rows)
            self._tell(f"{len(gone)} objects are not in the store: the rows are taken again")
            before = gone
        raise BackupRefused("pictures are deleted faster than they are copied: run it again, at a quieter time")

    def finish(self, manifest: BackupManifest, revision: str) -> BackupManifest:
        """Remove what no row names any more, and count what is left."""
        self._index.forget_unnamed()
        self._folder.remove_others(lambda key: self._index.find(key) is not None)
        count, size = self._index.totals()
        return replace(manifest, revision=revision, object_bytes=size, objects=FileEntry(count, ""))

    def _take_rows(self) -> dict[str, FileEntry]:
        entries: dict[str, FileEntry] = {}
        with tables.snapshot(self._bind) as connection:
            for table in tables.saved():
                path = self._folder.rows(table.name)
                with folders.replaced(path) as file, io.TextIOWrapper(file, "utf-8", write_through=False) as text:
                    count = tables.write(connection, table, text)
                entries[table.name] = FileEntry(count, folders.sha256(path))
        self._tell(f"{sum(entry.count for entry in entries.values()):,} rows of {len(entries)} tables")
        return entries

    def _copy_objects(self) -> set[str]:
        """Copy what belongs to the rows; return the keys that they name and that are not in the store."""
        self._index.begin_round()
        gone: set[str] = set()
        for number, (wanted, result) in enumerate(transfers.each(self._fetch, self._wanted()), 1):
            if result is not None:
                self.copied += result.is_new
                self._index.add(result.entry)
            elif wanted.is_named:
                gone.add(wanted.key)
            if number % 1000 == 0:
                self._tell(f"{number:,} objects seen, {self.copied:,} copied")
        return gone

    def _wanted(self) -> Iterator["WantedObject"]:
        """Yield each object that belongs to the rows, and what is known of its copy."""
        for table in tables.saved():
            with self._folder.rows(table.name).open(encoding="utf-8") as lines:
                for key, is_named in tables.object_keys(table, lines, self._listed):
                    yield WantedObject(key, is_named, self._index.find(key))

    def _listed(self, prefix: str) -> Iterator[str]:
        if self._store:
            yield from (found.key for found in self._store.list(prefix) if not folders.is_part(found.key))

    def _fetch(self, wanted: "WantedObject") -> "tuple[WantedObject, Fetched | None]":
        """Copy an object, unless the copy that is there is the same; None: the store has none."""
        if self._store is None:
            raise BackupRefused("rows name objects, and no store is configured: FACE_API_STORAGE_ENABLED is false")
        path, known = self._folder.object(wanted.key), wanted.known
        try:
            found = self._store.stat(wanted.key)
            modified_at = found.modified_at.isoformat()
            is_same = known and (known.size_bytes, known.modified_at) == (found.size_bytes, modified_at)
            if known and is_same and folders.sha256(path) == known.sha256:
                return wanted, Fetched(known, is_new=False)
            with transfers.reading(self._store, found) as source, folders.replaced(path) as file:
                shutil.copyfileobj(source, file, transfers.CHUNK_BYTES)
        except NotFound:
            return wanted, None
        copied = CopiedObject(wanted.key, path.stat().st_size, folders.sha256(path), modified_at)
        return wanted, Fetched(copied, is_new=True)


@dataclass(frozen=True)
class WantedObject:
    """An object that belongs to a row. is_named: the row can't be without it; known: the copy of an earlier run."""

    key: str
    is_named: bool
    known: CopiedObject | None


@dataclass(frozen=True)
class Fetched:
    """An object that is in the folder, and whether this run has brought it there."""

    entry: CopiedObject
    is_new: bool
