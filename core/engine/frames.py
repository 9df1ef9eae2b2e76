"""The engine's answer as it crosses the queue: what it is, the length of the JSON that follows, the JSON, an image."""

import json
import struct

from core import errors
from core.errors import FaceApiError, InternalError

REPORT, MASKED, THUMBNAIL, ERROR, LOST = b"R", b"M", b"T", b"E", b"L"
FRAME = struct.Struct(">cI")


def pack(kind: bytes, text: str, image: bytes = b"") -> bytes:
    """Put an answer together."""
    body = text.encode()
    return FRAME.pack(kind, len(body)) + body + image


def pack_error(error: FaceApiError) -> bytes:
    """Put an error into an answer: its code and its detail."""
    return pack(ERROR, json.dumps([error.code, error.detail]))


def lost_task(frame: bytes) -> str:
    """Return the id of the task whose process died, where the answer says that; '' for every other answer."""
    return frame[FRAME.size :].decode() if frame.startswith(LOST) else ""


def unpack(frame: bytes, expected: bytes) -> tuple[bytes, bytes]:
    """Split an answer into its JSON and its image; an error that it carries is raised."""
    kind, length = FRAME.unpack_from(frame)
    text, image = frame[FRAME.size : FRAME.size + length], frame[FRAME.size + length :]
    if kind == ERROR:
        raise error_of(*json.loads(text))
    if kind != expected:
        raise InternalError
    return text, image


def error_of(code: str, detail: str) -> FaceApiError:
    """Rebuild an error that crossed the queue as its code; an unknown code is an InternalError."""
    for cls in errors.leaves():
        if cls.code == code:
            return cls(detail)
    return InternalError()
