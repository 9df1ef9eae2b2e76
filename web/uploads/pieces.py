"""Pieces of a video that is uploaded in several requests; how far the upload is stands in headers, as in tus."""

from typing import IO

from flask import request

from core.batches.videos import objects, uploads
from core.batches.videos.lifecycle import VideoSource
from core.batches.videos.uploads import VideoUpload
from core.errors import InvalidOption, NoVideo, UnreadableRequest, UploadConflict, UploadTooLarge
from core.errors.problems import FieldProblem
from core.storage.base import ObjectStore
from core.video import signatures

OFFSET, LENGTH = "Upload-Offset", "Upload-Length"


def add(store: ObjectStore, upload: VideoUpload) -> int:
    """Keep the body of the current request as the next piece; return where the one after it begins.

    UploadConflict when it is not the next one; UnsupportedVideo, by the first bytes of the file; InvalidOption,
    UnreadableRequest, UploadTooLarge. Nothing of the body is kept then, nor when it breaks off.
    """
    if _offset() != upload.offset:
        raise UploadConflict(f"the upload is at byte {upload.offset}")
    size = _size(upload)
    request.max_content_length = size
    body = PieceBody(request.stream, size)
    if upload.offset == 0:
        signatures.checked(body.head())
    uploads.add(store, upload, body)
    return upload.offset + size


def source(upload: VideoUpload) -> VideoSource:
    """Return an upload as the file of a video, which a worker makes of it; UploadConflict unless all of it is there."""
    if upload.offset != upload.size_bytes:
        raise UploadConflict(f"{upload.offset} bytes of {upload.size_bytes} are there")
    kept = tuple(piece.key for piece in upload.pieces)
    return VideoSource(
        upload.id,
        objects.source(upload.id),
        upload.filename,
        upload.size_bytes,
        is_ours=True,
        pieces=kept,
        leftovers=tuple(sorted({*upload.keys} - {*kept})),
    )


class PieceBody:
    """The body of a request, which is read as a source of its bytes; UnreadableRequest where it breaks off."""

    def __init__(self, stream: IO[bytes], size: int) -> None:
        self._stream, self._left = stream, size
        self._head = b""

    def head(self) -> bytes:
        """Return the first bytes, which come again when it is read."""
        wanted = min(self._left, signatures.HEAD_BYTES)
        while len(self._head) < wanted:
            self._head += self._received(wanted - len(self._head))
        return self._head

    def read(self, size: int, /) -> bytes:
        data, self._head = self._head[:size], self._head[size:]
        if not data and self._left:
            data = self._received(min(size, self._left))
        self._left -= len(data)
        return data

    def _received(self, size: int) -> bytes:
        data = self._stream.read(size)
        if not data:
            raise UnreadableRequest("the body breaks off")
        return data


def _offset() -> int:
    text = request.headers.get(OFFSET, "")
    if not (text.isascii() and text.isdecimal() and len(text) < 20):
        raise InvalidOption.of([FieldProblem(OFFSET, "Send where the piece begins, in bytes, as this header")])
    return int(text)


def _size(upload: VideoUpload) -> int:
    """Return how long the piece is, which has to be said before."""
    if request.content_length is None:
        raise UnreadableRequest("say in Content-Length how long the piece is")
    left = upload.size_bytes - upload.offset
    if request.content_length > left:
        raise UploadTooLarge(f"the upload ends after {left} more bytes")
    if not request.content_length:
        raise NoVideo("the piece is empty")
    if request.content_length < min(left, uploads.MIN_PIECE_BYTES):
        least = f"Send at least {uploads.MIN_PIECE_BYTES} bytes at a time, but at the end"
        raise InvalidOption.of([FieldProblem("Content-Length", least)])
    return request.content_length
