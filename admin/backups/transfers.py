"""Objects on their way: several at a time, because each waits for the network or a disk; large ones part by part."""

import hashlib
import mimetypes
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, TypeVar

from core.errors import NotFound
from core.storage.base import ObjectStore
from core.storage.objects import StoredObject

COPIES_AT_ONCE = 4  # chosen: hides the latency of an S3 server; so many objects are in memory at most
WHOLE_BYTES = 64 * 2**20  # chosen: no picture is larger, and one request for it costs least; videos go part by part
CHUNK_BYTES = 2**20

Item = TypeVar("Item")
Result = TypeVar("Result")


def each(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Yield what the function returns for each item, in their order; few are taken ahead."""
    with ThreadPoolExecutor(COPIES_AT_ONCE, thread_name_prefix="copy-objects") as pool:
        waiting: deque[Future[Result]] = deque()
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > COPIES_AT_ONCE:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def reading(store: ObjectStore, found: StoredObject) -> AbstractContextManager[BinaryIO]:
    """Open an object of a store; NotFound when it is gone."""
    return BytesIO(store.get(found.key)) if found.size_bytes <= WHOLE_BYTES else store.open(found.key)


def write(store: ObjectStore, key: str, path: Path) -> None:
    """Store a file as an object."""
    content_type = mimetypes.guess_type(key)[0] or "application/octet-stream"
    if path.stat().st_size <= WHOLE_BYTES:
        store.put(key, path.read_bytes(), content_type)
        return
    with path.open("rb") as source:
        store.put_from(key, source, content_type)


def sha256(store: ObjectStore, key: str, size_bytes: int) -> str:
    """Return the SHA-256 of an object of this size; empty when there is none."""
    try:
        found = store.stat(key)
        if found.size_bytes != size_bytes:
            return ""
        with reading(store, found) as source:
            digest = hashlib.sha256()
            while chunk := source.read(CHUNK_BYTES):
                digest.update(chunk)
            return digest.hexdigest()
    except NotFound:
        return ""
