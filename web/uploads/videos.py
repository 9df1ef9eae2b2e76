"""Uploaded videos: from the socket to the store, part by part. Never whole in memory, never on a disk of this tier."""

import uuid
from collections.abc import Iterator
from typing import IO

from flask import request
from werkzeug.sansio.multipart import Data, Epilogue, Event, Field, File, NeedData

from core.batches.videos import objects
from core.batches.videos.lifecycle import VideoSource
from core.errors import InvalidOption, NoVideo, UnreadableRequest, UploadTooLarge
from core.errors.problems import FieldProblem
from core.storage import objects as names
from core.storage.base import ObjectStore
from core.storage.objects import OWN_PREFIXES
from core.video import signatures
from web.forms import PartDecoder

FIELD = "video"
READ_BYTES = 256 * 1024
HEAD_BYTES = 16 * 1024  # chosen: of the headers of a part
FORM_BYTES = 64 * 1024  # chosen: what a form of one file has beside the file
NO_FIELD = "There is no such field here: send the file as video, and options in the query of the URL"
ONE_FILE = "Send one file, and nothing else: options belong in the query of the URL"
NOT_A_FILE = "Send the video's bytes as a file of multipart/form-data"


def store(store: ObjectStore, max_bytes: int) -> VideoSource:
    """Store the video of the current request's form.

    NoVideo, UnsupportedVideo (by its first bytes), UploadTooLarge, UnreadableRequest: nothing is kept then.
    """
    form = VideoForm(_body(max_bytes), _boundary(), max_bytes)
    filename = form.begin()
    signatures.checked(form.head)
    video_id = uuid.uuid4()
    key = objects.source(video_id)
    store.put_from(key, form, "application/octet-stream")
    return VideoSource(video_id, key, names.safe_filename(filename or FIELD), form.size_bytes, is_ours=True)


def in_bucket(store: ObjectStore, key: str, max_bytes: int) -> VideoSource:
    """Judge an object of the bucket by its key, size and first bytes; NotFound without it."""
    if not names.is_key(key) or key.startswith(OWN_PREFIXES):
        problem = FieldProblem("source_key", "No key is like this, or it is one of the service's own")
        raise InvalidOption("this key names no video that may be taken", problems=(problem,))
    size = store.stat(key).size_bytes
    if size > max_bytes:
        raise UploadTooLarge(f"the largest video is {max_bytes} bytes")
    with store.open(key) as file:
        signatures.checked(file.read(signatures.HEAD_BYTES))
    return VideoSource(uuid.uuid4(), key, names.safe_filename(key), size, is_ours=False)


class VideoForm:
    """A form of one file, which is read as a source of its bytes. head: the first of them, once it has begun."""

    def __init__(self, body: IO[bytes], boundary: bytes, max_bytes: int) -> None:
        self._events = _events(body, PartDecoder(boundary, READ_BYTES + HEAD_BYTES, max_parts=2))
        self._left = bytearray()
        self._ended = False
        self._max_bytes = max_bytes
        self.size_bytes = 0
        self.head = b""

    def begin(self) -> str:
        """Read to where the file begins, and its first bytes; return its name."""
        for event in self._events:
            if isinstance(event, Field | File):
                if event.name != FIELD:
                    raise InvalidOption.of([FieldProblem(event.name, NO_FIELD)])
                if not isinstance(event, File):
                    raise NoVideo(NOT_A_FILE)
                self._fill(signatures.HEAD_BYTES)
                self.head = bytes(self._left[: signatures.HEAD_BYTES])
                if not self.head:
                    raise NoVideo("the file is empty")
                return event.filename or ""
        raise NoVideo(NOT_A_FILE)

    def read(self, size: int, /) -> bytes:
        """Return the next bytes of the file; UploadTooLarge as soon as there are more than may be."""
        self._fill(1)
        data = bytes(self._left[:size])
        del self._left[:size]
        self.size_bytes += len(data)
        if self.size_bytes > self._max_bytes:
            raise UploadTooLarge(f"the largest video is {self._max_bytes} bytes")
        return data

    def _fill(self, least: int) -> None:
        """Read on until so many bytes are there, or the form has ended: it has to end as it says."""
        while not self._ended and len(self._left) < least:
            event = next(self._events, None)
            if event is None:
                self._ended = True
            elif isinstance(event, Data):
                self._left += event.data
            elif isinstance(event, Field | File):
                raise InvalidOption.of([FieldProblem(event.name, ONE_FILE)])


def _events(body: IO[bytes], decoder: PartDecoder) -> Iterator[Event]:
    """Yield what a form consists of, to its end."""
    while True:
        try:
            event = decoder.next_event()
        except ValueError as error:
            raise UnreadableRequest(f"the body is not what its Content-Type says: {error}") from error
        if isinstance(event, Epilogue):
            return
        if isinstance(event, NeedData):
            decoder.receive_data(body.read(READ_BYTES) or None)
        else:
            yield event


def _body(max_bytes: int) -> IO[bytes]:
    """Return the body of the current request, which may be as large as a video."""
    request.max_content_length = max_bytes + FORM_BYTES
    if (request.content_length or 0) > request.max_content_length:
        raise UploadTooLarge(f"the largest video is {max_bytes} bytes")
    return request.stream


def _boundary() -> bytes:
    if request.mimetype != "multipart/form-data":
        raise NoVideo(f"{NOT_A_FILE}, or JSON with `source_key`")
    boundary = request.mimetype_params.get("boundary", "").encode("ascii", "ignore")
    if not boundary:
        raise UnreadableRequest("Content-Type names no boundary; leave that header to your HTTP client")
    return boundary
