"""Objects as files in a folder, with signed links that the web tier serves."""

import errno
import hashlib
import hmac
import os
import secrets
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import IO, BinaryIO
from urllib.parse import quote, urlencode

import structlog

from core.errors import NotFound, StorageUnavailable
from core.storage import objects
from core.storage.base import ByteSource
from core.storage.objects import Disposition, StoredObject

log = structlog.get_logger(__name__)

LINK_PATH = "/objects/"
SECRET_NAME = "link-secret"  # noqa: S105  # the file's name
SECRET_BYTES = 32
STEP_BYTES = 1024 * 1024
GONE = (FileNotFoundError, NotADirectoryError, IsADirectoryError)


class FolderStore:
    """An ObjectStore in a folder, which is made on first use and readable by this user alone.

    Beside the folder lies the secret that its links are signed with. Nothing else may write into the folder.
    """

    def __init__(self, folder: Path, link_lifetime_s: int) -> None:
        self._folder = folder.resolve()
        self._link_lifetime_s = link_lifetime_s

    def put(self, key: str, data: bytes, content_type: str) -> None:
        """Write the bytes, whole or not at all. The type isn't stored: a link names it.

        A write that is killed leaves a file that `list` shows under a name that no row has: what looks for
        orphans finds it like any other.
        """
        path = self._path(key)
        with _translated():
            self._make_folder()
            path.parent.mkdir(parents=True, exist_ok=True)
            with _written(path.parent, data) as part:
                part.replace(path)

    def put_from(self, key: str, source: ByteSource, content_type: str) -> None:
        path = self._path(key)
        with _translated():
            self._make_folder()
            path.parent.mkdir(parents=True, exist_ok=True)
            part, file = _temporary(path.parent)
        try:
            with file:
                while data := source.read(STEP_BYTES):
                    with _translated():
                        file.write(data)
                with _translated():
                    _sync(file)
            with _translated():
                part.replace(path)
        finally:
            part.unlink(missing_ok=True)

    def open(self, key: str) -> BinaryIO:
        path = self._path(key)
        with self._reading():
            return path.open("rb")

    def get(self, key: str, most: int | None = None) -> bytes:
        path = self._path(key)
        with self._reading(), path.open("rb") as file:
            return file.read(most)

    def stat(self, key: str) -> StoredObject:
        path = self._path(key)
        with self._reading():
            return _stored(key, path)

    def delete(self, key: str) -> None:
        path = self._path(key)
        with suppress(NotFound), self._reading():
            path.unlink()
        # One folder for each picture: the last object takes it along, and one that still holds some stays.
        with suppress(OSError):
            path.parent.rmdir()

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        top = prefix.rpartition("/")[0]
        with _translated():
            for base, folders, names in os.walk(self._path(top) if top else self._folder, onerror=_raise_unless_gone):
                folders.sort()  # os.walk goes on into them in this order
                for path in (Path(base, name) for name in sorted(names)):
                    key = path.relative_to(self._folder).as_posix()
                    if key.startswith(prefix) and objects.is_key(key):
                        with suppress(*GONE):  # deleted meanwhile
                            yield _stored(key, path)

    def link(self, key: str, filename: str, content_type: str, disposition: Disposition = "inline") -> str:
        """Return the path and query of the link, to be put behind the service's own address."""
        query = {
            "expires": str(int(time.time()) + self._link_lifetime_s),
            "response-content-type": content_type,
            "response-content-disposition": objects.content_disposition(disposition, filename),
        }
        path = LINK_PATH + quote(objects.checked(key))
        return f"{path}?{urlencode({**query, 'signature': self._signature(key, query)}, quote_via=quote)}"

    def verify(self, key: str, query: Mapping[str, str]) -> dict[str, str]:
        """Return the headers for the object that a link is about; NotFound when it was altered or has expired.

        key, query: the path behind LINK_PATH and the query, both unquoted.
        """
        signed = {name: value for name, value in query.items() if name != "signature"}
        # As bytes: compare_digest refuses text beyond ASCII, which anyone may send.
        genuine = hmac.compare_digest(self._signature(key, signed).encode(), query.get("signature", "").encode())
        if not genuine or int(signed["expires"]) <= time.time():
            raise NotFound("this link is not valid, or no longer")
        return {
            "Content-Type": signed["response-content-type"],
            "Content-Disposition": signed["response-content-disposition"],
            "Cache-Control": objects.CACHE_CONTROL,
            "X-Content-Type-Options": "nosniff",
        }

    def ready(self) -> bool:
        """Whether a file can be written; it has no name and leaves nothing behind."""
        try:
            self._make_folder()
            with tempfile.TemporaryFile(dir=self._folder) as probe:
                probe.write(bytes(4096))  # a full disk shows here
        except OSError as error:
            log.warning("folder_store_not_writable", reason=str(objects.fault(error)))
            return False
        return True

    def _path(self, key: str) -> Path:
        return self._folder / objects.checked(key)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Raise NotFound only for what is not in the folder: where a file has a folder's place, nobody can know."""
        with _translated():
            try:
                yield
            except OSError as error:
                in_the_way = (one.exists() and not one.is_dir() for one in (self._folder, *self._folder.parents))
                if not _is_gone(error) or any(in_the_way):
                    raise
                raise NotFound("there is no such object") from objects.fault(error)

    def _make_folder(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _signature(self, key: str, query: Mapping[str, str]) -> str:
        signed = urlencode([("key", key), *sorted(query.items())], errors="surrogatepass")
        return hmac.new(self._secret, signed.encode(), hashlib.sha256).hexdigest()

    @cached_property
    def _secret(self) -> bytes:
        """Read the secret that all processes share; the first one makes it."""
        path = self._folder.parent / SECRET_NAME
        with _translated():
            if not path.exists():
                self._make_folder()
                with _written(path.parent, secrets.token_bytes(SECRET_BYTES)) as part, suppress(FileExistsError):
                    path.hardlink_to(part)  # the whole file appears at once, and never replaces another's
            secret = path.read_bytes()
        if len(secret) != SECRET_BYTES:  # an empty one would let everybody sign
            raise StorageUnavailable from objects.StoreFault(f"{SECRET_NAME} is damaged: delete it, links are lost")
        return secret


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageUnavailable from objects.fault(error)


@contextmanager
def _written(folder: Path, data: bytes) -> Iterator[Path]:
    """Write the bytes down to the disk, into a file that is gone at the end unless it was renamed."""
    part, file = _temporary(folder)
    try:
        with file:
            file.write(data)
            _sync(file)
        yield part
    finally:
        part.unlink(missing_ok=True)


def _temporary(folder: Path) -> tuple[Path, IO[bytes]]:
    handle, name = tempfile.mkstemp(dir=folder, prefix=".", suffix=".part")
    return Path(name), os.fdopen(handle, "wb")


def _sync(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _stored(key: str, path: Path) -> StoredObject:
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise IsADirectoryError(path)
    return StoredObject(key, found.st_size, datetime.fromtimestamp(found.st_mtime, UTC))


def _raise_unless_gone(error: OSError) -> None:
    """A folder that can't be read must not look as if it were empty; one that was deleted meanwhile is."""
    if not _is_gone(error):
        raise error


def _is_gone(error: OSError) -> bool:
    """Whether there is no such file, as there is none whose name is longer than a file system takes."""
    return isinstance(error, GONE) or error.errno == errno.ENAMETOOLONG
