"""Uploads in pieces: a client goes on where it was interrupted, and a video is made of what is complete.

Each piece is an object whose key says where it begins, kept whole or not at all: what has arrived is what the store
lists. The keys name the sender, too, so nobody else finds an upload.
"""

import itertools
import json
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from typing import BinaryIO

from sqlalchemy.orm import Session

from core.batches.videos import objects
from core.database import locks
from core.database.clock import now
from core.errors import RateLimited, UploadConflict
from core.storage.base import ByteSource, ObjectStore

# chosen: of all pieces but the last, so that an upload is no more than some hundreds of objects; S3's least part, too
MIN_PIECE_BYTES = 5 * 2**20
MOST_UNFINISHED = 8  # of one sender; chosen: of the largest videos, 16 GiB
KEPT = timedelta(days=1)  # chosen: after the last piece; who goes on after a night finds all of it
PIECE_TYPE = "application/octet-stream"
RETRY_AFTER_S = 3600


@dataclass(frozen=True)
class Piece:
    key: str
    start: int
    size_bytes: int


@dataclass(frozen=True)
class VideoUpload:
    """A file that is being uploaded. id: also of the video that it becomes; pieces: without a gap, from the beginning.

    keys: of all its objects.
    """

    id: uuid.UUID
    sender: str
    filename: str
    size_bytes: int
    pieces: tuple[Piece, ...] = ()
    keys: tuple[str, ...] = ()

    @property
    def offset(self) -> int:
        """Return how much of the file has arrived."""
        return self.pieces[-1].start + self.pieces[-1].size_bytes if self.pieces else 0


def begin(session: Session, store: ObjectStore, sender: str, filename: str, size_bytes: int) -> VideoUpload:
    """Begin an upload; RateLimited when its sender has too many that are not finished. Commits.

    The store can't count, so one at a time of a sender looks and begins: else many at once would each find room.
    """
    _require_room(store, sender)  # who has none waits for nobody, and keeps nobody waiting
    locks.take(session, objects.uploads_of(sender))
    _require_room(store, sender)
    upload = VideoUpload(uuid.uuid4(), sender, filename, size_bytes)
    about = json.dumps({"filename": filename, "size_bytes": size_bytes})
    store.put(objects.upload_about(sender, upload.id), about.encode(), "application/json")
    session.commit()
    return upload


def find(store: ObjectStore, sender: str, upload_id: uuid.UUID) -> VideoUpload:
    """Return an upload of a sender, and how far it is; NotFound without it."""
    about = json.loads(store.get(objects.upload_about(sender, upload_id)))
    listed = list(store.list(objects.upload(sender, upload_id)))
    starts = {found.key: objects.piece_start(found.key) for found in listed}
    sizes = {start: found for found in listed if (start := starts[found.key]) is not None}
    pieces: list[Piece] = []
    at = 0
    while at in sizes:
        pieces.append(Piece(sizes[at].key, at, sizes[at].size_bytes))
        at += sizes[at].size_bytes
    return VideoUpload(upload_id, sender, **about, pieces=tuple(pieces), keys=tuple(starts))


def add(store: ObjectStore, upload: VideoUpload, source: ByteSource) -> None:
    """Keep the piece that begins where the upload is, whole or not at all; what the source raises comes through."""
    store.put_from(objects.piece(upload.sender, upload.id, upload.offset), source, PIECE_TYPE)


def assemble(store: ObjectStore, key: str, pieces: Sequence[str], size_bytes: int) -> None:
    """Make one object of the pieces with these keys. Part by part, never whole in memory.

    UploadConflict when they don't have so many bytes, NotFound when one is gone: nothing is kept then.
    """
    with closing(_Chained(store, pieces, size_bytes)) as chained:
        store.put_from(key, chained, PIECE_TYPE)


def abandoned(store: ObjectStore) -> list[str]:
    """Return the keys of all objects of uploads to which nothing has been added for long."""
    before, keys = now() - KEPT, list[str]()
    listed = store.list(objects.UPLOADS)
    for _, group in itertools.groupby(listed, key=lambda found: found.key.rpartition("/")[0]):
        found = list(group)
        if max(one.modified_at for one in found) < before:
            keys += [one.key for one in found]
    return keys


def _require_room(store: ObjectStore, sender: str) -> None:
    found = (stored.key for stored in store.list(objects.uploads_of(sender)))
    if sum(key.endswith(objects.UPLOAD_ABOUT) for key in found) >= MOST_UNFINISHED:
        raise RateLimited(
            f"{MOST_UNFINISHED} uploads are not finished: finish or delete one", retry_after_s=RETRY_AFTER_S
        )


class _Chained:
    """The bytes of all pieces, one after the other; UploadConflict when they are not so many."""

    def __init__(self, store: ObjectStore, pieces: Sequence[str], size_bytes: int) -> None:
        self._files: Iterator[BinaryIO] = (store.open(key) for key in pieces)
        self._file = next(self._files, None)
        self._left = size_bytes

    def read(self, size: int, /) -> bytes:
        while self._file is not None:
            if data := self._file.read(size):
                return self._counted(data)
            self._file.close()
            self._file = next(self._files, None)
        return self._counted(b"")

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _counted(self, data: bytes) -> bytes:
        self._left -= len(data)
        if self._left < 0 or (self._left and not data):
            raise UploadConflict("a piece of the upload has changed meanwhile")
        return data
