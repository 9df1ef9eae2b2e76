"""Brings a backup into an empty service: objects first, then all rows in one transaction.

So a restore that was killed has left no row, and the next one goes on with the objects. Nothing is left to do after the
transaction: triggers have counted the rows, and maintenance adds the counts up.
"""

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine, Table, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from admin.backups import folders, tables, transfers
from admin.backups.folders import BackupFolder, BackupManifest, BackupRefused
from admin.backups.indexes import CopiedObject, ObjectIndex
from core.config import Settings
from core.contract.deeds import Deed
from core.database import engine, migrations, upserts
from core.database.audit_models import AuditRecord
from core.database.models import CleanupTask
from core.services import object_store
from core.storage import objects
from core.storage.base import ObjectStore

EMPTY_WANTED = "restore into an empty database and bucket, or add to what is there with --add"
Tell = Callable[[str], None]


@dataclass(frozen=True)
class RestoreReport:
    """rows: that are in the database now and were not before; stored: objects that this run has written."""

    rows: int
    objects: int
    stored: int
    missing: int


def restore(settings: Settings, path: Path, tell: Tell, *, add: bool = False) -> RestoreReport:
    """Write a backup into the service of the settings; every digest is checked before anything is written.

    add: the service may hold something; what is there already stays as it is.
    """
    folder = BackupFolder(path)
    manifest = folder.read_manifest()
    bind = engine.create(settings)
    try:
        found = migrations.current(settings)
        _check_revision(manifest, found)
        index = _checked_index(folder, manifest, tell)
        try:
            store = object_store(settings)
            if not add:
                _check_no_rows(bind, found)
                _check_no_strangers(store, index)
            migrations.upgrade(settings)
            stored = _store_objects(store, folder, index, tell)
            rows = _insert_rows(bind, folder, add=add)
        finally:
            index.close()
    finally:
        bind.dispose()
    return RestoreReport(rows, manifest.objects.count, stored, manifest.missing)


def _check_revision(manifest: BackupManifest, found: str | None) -> None:
    newest = migrations.head()
    if manifest.revision != newest:
        raise BackupRefused(
            f"the backup has the schema {manifest.revision}, this version of Face API {newest}: restore it"
            f" with a version that has {manifest.revision}, then install this one and run `face-api migrate`"
        )
    if found not in (None, newest):
        raise BackupRefused(f"the database has the schema {found}, the backup {newest}: run `face-api migrate` first")


def _checked_index(folder: BackupFolder, manifest: BackupManifest, tell: Tell) -> ObjectIndex:
    """Compare every file with its digest, and open the index of the objects."""
    if set(manifest.rows) != {table.name for table in tables.saved()}:
        raise BackupRefused("the manifest names other tables than its schema has: it is damaged")
    for name, entry in manifest.rows.items():
        _check(folder.rows(name), entry.sha256)
    _check(folder.index, manifest.objects.sha256)
    index = ObjectIndex(folder.index, writable=False)
    if index.totals() != (manifest.objects.count, manifest.object_bytes):
        raise BackupRefused("the manifest counts other objects than the index has: it is damaged")
    for number, one in enumerate(index.all(), 1):
        _check(folder.object(one.key), one.sha256)
        if number % 10_000 == 0:
            tell(f"{number:,} objects checked")
    tell(f"checked: {manifest.objects.count:,} objects, the rows of {len(manifest.rows)} tables")
    return index


def _check(path: Path, sha256: str) -> None:
    if folders.sha256(path) != sha256:
        raise BackupRefused(f"{path} is damaged or missing: nothing was restored")


def _check_no_rows(bind: Engine, revision: str | None) -> None:
    """Refuse a database that holds rows, but for what `face-api migrate` has recorded of the worker's role."""
    if revision is None:
        return
    with bind.connect() as connection:
        for table in tables.saved():
            held = select(*table.primary_key).limit(1)
            if table is AuditRecord.__table__:
                held = held.where(table.c.deed != Deed.WORKER_ROLE_SET)
            if connection.execute(held).first() is not None:
                raise BackupRefused(f"the database holds {table.name} already: {EMPTY_WANTED}")


def _check_no_strangers(store: ObjectStore | None, index: ObjectIndex) -> None:
    """Refuse a store that holds objects; those of a restore that was killed are of this backup."""
    if store is None:
        return
    for prefix in objects.OWN_PREFIXES:
        for found in store.list(prefix):
            if index.find(found.key) is None and not folders.is_part(found.key.rpartition("/")[2]):
                raise BackupRefused(f"the object store holds objects that are not of this backup: {EMPTY_WANTED}")


def _store_objects(store: ObjectStore | None, folder: BackupFolder, index: ObjectIndex, tell: Tell) -> int:
    """Write the objects that are not there yet; return how many those were."""
    if store is None:
        if index.totals()[0]:
            raise BackupRefused(
                "the backup holds objects, and no store is configured: FACE_API_STORAGE_ENABLED is false"
            )
        return 0

    def put(one: CopiedObject) -> bool:
        if transfers.sha256(store, one.key, one.size_bytes) == one.sha256:
            return False
        transfers.write(store, one.key, folder.object(one.key))
        return True

    stored = 0
    for number, is_new in enumerate(transfers.each(put, index.all()), 1):
        stored += is_new
        if number % 1000 == 0:
            tell(f"{number:,} objects seen, {stored:,} stored")
    return stored


def _insert_rows(bind: Engine, folder: BackupFolder, *, add: bool) -> int:
    """Insert all rows in one transaction; return how many there are more than before."""
    # The numbers that another database has counted up say nothing in one that has counted for itself.
    wanted = [table for table in tables.saved() if not (add and tables.numbered(table) is not None)]
    with bind.begin() as connection:
        before = _count(connection, wanted)
        for table in wanted:
            with folder.rows(table.name).open(encoding="utf-8") as lines:
                _insert(connection, table, lines, add=add)
        _keep_objects(connection)
        _go_on_counting(connection)
        return _count(connection, wanted) - before


def _count(connection: Connection, wanted: list[Table]) -> int:
    return sum(connection.scalar(select(func.count()).select_from(table)) or 0 for table in wanted)


def _insert(connection: Connection, table: Table, lines: Iterable[str], *, add: bool) -> None:
    sqlite_dialect = connection.dialect.name == "sqlite"
    statement = sqlite.insert(table) if sqlite_dialect else postgresql.insert(table)
    statement = statement.on_conflict_do_nothing() if add else statement
    rows = tables.read(table, lines)
    number = tables.numbered(table)
    if number is not None and _count(connection, [table]):  # numbers are taken: these rows go on behind them
        rows = ({key: value for key, value in row.items() if key != number.key} for row in rows)
    while some := list(itertools.islice(rows, tables.ROWS_AT_ONCE)):
        connection.execute(statement, some)


def _keep_objects(connection: Connection) -> None:
    """Take back what would delete objects that rows name again."""
    tasks = upserts.table_of(CleanupTask)
    for table in tables.saved():
        for column in tables.object_columns(table):
            connection.execute(delete(tasks).where(tasks.c.s3_key.in_(select(column))))


def _go_on_counting(connection: Connection) -> None:
    """Let Postgres number new rows behind those that came with their numbers; SQLite does so by itself."""
    if connection.dialect.name != "postgresql":
        return
    for table in tables.saved():
        if (column := tables.numbered(table)) is not None:
            sequence = func.pg_get_serial_sequence(table.name, column.name)
            following = select(func.coalesce(func.max(column), 0) + 1).scalar_subquery()
            connection.execute(select(func.setval(sequence, following, False)))
