"""The protocol of object stores; `core/storage/s3.py` and `core/storage/folder.py` implement it."""

from collections.abc import Iterator
from typing import BinaryIO, Protocol

from core.storage.objects import Disposition, StoredObject


class ByteSource(Protocol):
    """What an object is stored from, part by part."""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, at most so many; b"" at the end."""


class ObjectStore(Protocol):
    """Bytes under keys. Every verb raises StorageUnavailable when the store can't be reached or refuses.

    Keys come from core/storage/objects.py; another kind, one that could lead elsewhere, is a ValueError. Stores can be
    used by many threads, and must not have been used before a fork.
    """

    def put(self, key: str, data: bytes, content_type: str) -> None:
        """Keep the bytes under the key, whole or not at all; what was there before is replaced."""

    def get(self, key: str, most: int | None = None) -> bytes:
        """Return the bytes, all of them or the first ones, of which no more are read; NotFound when there are none."""

    def put_from(self, key: str, source: ByteSource, content_type: str) -> None:
        """Keep all that a source yields under the key, whole or not at all: never more than a part of it in memory.

        What the source raises comes through as it is, and nothing is kept then.
        """

    def open(self, key: str) -> BinaryIO:
        """Open an object to be read at any place, seekable: only what is read is fetched; NotFound without it.

        The object must not be replaced meanwhile.
        """

    def stat(self, key: str) -> StoredObject:
        """Tell the size and the time of an object; NotFound when it isn't there."""

    def delete(self, key: str) -> None:
        """Remove the object; one that is gone already is no error."""

    def list(self, prefix: str = "") -> Iterator[StoredObject]:
        """Tell of every object whose key begins so, by rising keys where the server does, page by page: never all in
        memory.

        An object that is written or deleted meanwhile may be listed or not.
        """

    def link(self, key: str, filename: str, content_type: str, disposition: Disposition = "inline") -> str:
        """Return a URL that gives the object under this name and type until it expires.

        Makes no request, not even to see whether the object is there. A FolderStore's URL begins with
        `/`: it is the service's own.
        """

    def ready(self) -> bool:
        """Whether the store can be used now; one cheap question, and never an error."""
