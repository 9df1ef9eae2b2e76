"""Services to back up and to restore: their rows and objects, made up and compared."""

import hashlib
import io
import json
import os
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from pydantic import SecretStr
from sqlalchemy import Column, Table, select

from admin.backups import tables
from core import config, services
from core.config import Settings
from core.database import engine, migrations
from core.database.engine import SessionFactory
from core.database.models import Image, ProcessingJob
from core.records import image_lists, records, statistics
from core.records.image_lists import ImageFilter
from core.records.rows import StoredImage
from core.storage.base import ObjectStore
from tests import databases
from tests.core import rows

MOMENT = datetime(2026, 3, 4, 23, 59, 59, 123456, tzinfo=UTC)
VALUES: dict[type, Any] = {
    bool: True,
    int: 7,
    float: 0.1,
    bytes: b"\x00\xff",
    datetime: MOMENT,
    dict: {"ü": [1, 0.1, None, True, {"a": "\n\u2028"}]},
}


@dataclass(frozen=True)
class BackupPlace:
    """A database and a store of the test's own, not migrated yet."""

    settings: Settings

    @cached_property
    def store(self) -> ObjectStore:
        made = services.object_store(self.settings)
        assert made
        return made

    @cached_property
    def sessions(self) -> SessionFactory:
        return engine.session_factory(self.settings)

    def filled(self, images: int = 3) -> "BackupPlace":
        """Migrate it, and put pictures with results there, and two rows into each table."""
        databases.migrate(self.settings)
        self.add_images(images)
        with self.sessions.begin() as session:
            ids: dict[str, Any] = {}
            for number in range(2):
                for table in tables.saved():
                    row = made_up(table, ids, full=number == 0)
                    session.execute(table.insert(), [row])
                    ids[table.name] = row.get("id")
        return self

    def add_images(self, count: int) -> list[StoredImage]:
        """Keep pictures, each with a masked one, as calls do."""
        made = rows.saved(self.sessions, count)
        with self.sessions() as session:
            for image in made:
                for job in records.get_image(session, image.id).jobs:
                    self.store.put(str(job.processed_s3_key), b"masked" + job.id.bytes, "image/jpeg")
                self.store.put(image.s3_key, b"original" + image.id.bytes, "image/jpeg")
        return made

    def add_video(self, **keys: str) -> str:
        """Keep a video whose keys may name its {id}; return the prefix of what belongs to it."""
        (table,) = [table for table in tables.saved() if table.name == "videos"]
        row = made_up(table, {}, full=True)
        row |= {name: key.format(id=row["id"]) for name, key in keys.items()}
        with self.sessions.begin() as session:
            session.execute(table.insert(), [row])
        return f"videos/{row['id']}/"

    def lines(self) -> dict[str, list[Any]]:
        """Return all rows by table, as a backup writes them."""
        found = {}
        with self.sessions() as session:
            for table in tables.saved():
                text = io.StringIO()
                tables.write(session.connection(), table, text)
                found[table.name] = [json.loads(line) for line in text.getvalue().splitlines()]
        return found

    def objects(self) -> dict[str, str]:
        """Return the digest of each object."""
        return {found.key: hashlib.sha256(self.store.get(found.key)).hexdigest() for found in self.store.list()}

    def told(self) -> dict[str, Any]:
        """Return what the service shows: lists, with their counts, and statistics."""
        with self.sessions() as session:
            return {
                "images": vars(image_lists.page(session, 1, 2, ImageFilter())),
                "jobs": vars(records.page_jobs(session, 2, 2)),
                "statistics": statistics.read(session),
                "measured": rows.measured(self.sessions),
            }

    def is_untouched(self) -> bool:
        """Whether there is neither a table nor an object."""
        return migrations.current(self.settings) is None and not list(self.store.list())

    def environment(self) -> dict[str, str]:
        """Return the variables of a process that works on it."""
        given = self.settings.model_dump(include=self.settings.model_fields_set)
        texts = {
            key: value.get_secret_value() if isinstance(value, SecretStr) else value for key, value in given.items()
        }
        path = {"PATH": os.environ["PATH"]}
        return path | {config.PREFIX + key.upper(): str(text) for key, text in texts.items()}

    def close(self) -> None:
        self.sessions.kw["bind"].dispose()


def place(**values: Any) -> BackupPlace:
    return BackupPlace(config.read(**values))


def made_up(table: Table, ids: dict[str, Any], *, full: bool) -> dict[str, Any]:
    """Make a row up that its table takes, by the types of its columns; where it is not full, null is what may be."""
    return dict(_made_up(table, ids, full=full))


def _made_up(table: Table, ids: dict[str, Any], *, full: bool) -> Iterator[tuple[str, Any]]:
    for column in table.columns:
        if column is tables.numbered(table) or (not full and column.nullable):
            continue
        referred = next(iter(column.foreign_keys), None)
        if referred is not None:
            yield column.key, ids[referred.column.table.name]
        else:
            yield column.key, _value(table, column)


def _value(table: Table, column: Column[Any]) -> Any:
    kind = tables.python_type(column)
    if kind is uuid.UUID:
        return uuid.uuid4()
    if kind is not str:
        return VALUES[kind]
    for check in table.constraints:
        allowed = re.match(rf"{column.name} IN \((.*)\)", str(getattr(check, "sqltext", "")))
        if allowed:
            return allowed[1].split(", ")[-1].strip("'")
    length = getattr(column.type, "length", None) or 40
    return (uuid.uuid4().hex + ' 한\\ü\u2028"')[-min(length, 30) :]


def every_object_key(where: BackupPlace) -> set[str]:
    """Return the keys of objects that rows name, as the service itself asks for them."""
    with where.sessions() as session:
        of_images = session.scalars(select(Image.s3_key))
        of_jobs = session.scalars(select(ProcessingJob.processed_s3_key))
        return {key for key in (*of_images, *of_jobs) if key and key.startswith(("originals/", "processed/"))}
