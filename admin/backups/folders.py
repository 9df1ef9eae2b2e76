"""The folder of a backup: its files, readable by their owner alone, and the manifest that vouches for them."""

import fcntl
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO

import click

from core.storage import objects

FORMAT = 1
MANIFEST, INDEX, ROWS, OBJECTS, LOCK = "manifest.json", "objects.sqlite3", "rows", "objects", ".lock"
OWN_NAMES = {MANIFEST, INDEX, ROWS, OBJECTS, LOCK, f"{INDEX}-journal", "lost+found"}


class BackupRefused(click.ClickException):
    """What stands in the way of a backup or its return, and what to do."""


@dataclass(frozen=True)
class FileEntry:
    """A file of rows, or the index of objects: how many it has, and its SHA-256."""

    count: int
    sha256: str


@dataclass(frozen=True)
class BackupManifest:
    """What a whole backup holds. taken_at: the moment that its rows are of; missing: rows' objects the store lacked."""

    revision: str
    taken_at: str
    object_bytes: int
    missing: int
    objects: FileEntry
    rows: dict[str, FileEntry] = field(default_factory=dict)
    format: int = FORMAT


class BackupFolder:
    """A folder that holds a backup, a part of one, or nothing yet."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.index = path / INDEX

    def rows(self, table: str) -> Path:
        return self.path / ROWS / f"{table}.jsonl"

    def object(self, key: str) -> Path:
        return self.path / OBJECTS / objects.checked(key)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Make the folder, and keep another backup out of it; one that holds something else is refused."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise BackupRefused(f"a backup can't be written to {self.path}: {error.strerror}") from error
        found = {path.name for path in self.path.iterdir() if not is_part(path.name)}
        if strangers := sorted(found - OWN_NAMES):
            raise BackupRefused(f"{self.path} holds something else than a backup ({strangers[0]}): name a new folder")
        for name in (ROWS, OBJECTS):  # nobody else gets any further, whoever may read the folder itself
            (self.path / name).mkdir(mode=0o700, exist_ok=True)
        with (self.path / LOCK).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BackupRefused(f"another backup into {self.path} is running") from None
            yield

    def read_manifest(self) -> BackupManifest:
        path = self.path / MANIFEST
        try:
            told = json.loads(path.read_text())
        except FileNotFoundError:
            raise BackupRefused(f"there is no whole backup in {self.path}: {MANIFEST} is written last") from None
        except ValueError:
            raise BackupRefused(f"{path} is damaged") from None
        if not isinstance(told, dict) or told.get("format") != FORMAT:
            raise BackupRefused(f"{path} is of another format than {FORMAT}: restore it with the version that made it")
        try:
            told["objects"] = FileEntry(**told["objects"])
            told["rows"] = {name: FileEntry(**entry) for name, entry in told["rows"].items()}
            return BackupManifest(**told)
        except (TypeError, KeyError, AttributeError):
            raise BackupRefused(f"{path} is damaged") from None

    def write_manifest(self, manifest: BackupManifest) -> None:
        """Vouch for all that is there; before it everything is on the disk."""
        os.sync()
        with replaced(self.path / MANIFEST) as file:
            file.write(json.dumps(asdict(manifest), indent=2).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def drop_manifest(self) -> None:
        (self.path / MANIFEST).unlink(missing_ok=True)

    def remove_others(self, is_known: Callable[[str], bool]) -> None:
        """Remove the files of objects that are not known, and what killed runs have left; then empty folders."""
        top = self.path / OBJECTS
        for base, _, names in os.walk(top, topdown=False):
            for path in (Path(base, name) for name in names):
                if not is_known(path.relative_to(top).as_posix()):
                    path.unlink()
            if Path(base) != top:
                with suppress(OSError):  # some are left in it
                    Path(base).rmdir()
        for path in [*self.path.iterdir(), *(self.path / ROWS).iterdir()]:
            if is_part(path.name):
                path.unlink()


def is_part(name: str) -> bool:
    """Whether a file is what a killed write has left, in any folder of objects; no picture has such a name."""
    return name.startswith(".") and name.endswith(".part")


@contextmanager
def replaced(path: Path) -> Iterator[IO[bytes]]:
    """Open a new file, which takes the path's place when it is whole; one that is not goes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")  # for its owner alone
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        Path(part).replace(path)
    finally:
        Path(part).unlink(missing_ok=True)


def sha256(path: Path) -> str:
    """Return a file's SHA-256 in hexadecimal; empty when there is no file."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return ""
