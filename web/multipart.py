"""The form of one file, read at once: werkzeug's parser copies and searches an upload several times."""

import io
from typing import IO, Any

from web.forms import TolerantFormParser

# chosen: nearly every photograph; a larger body takes the parser's own way, which never holds all of it twice
MAX_BODY_BYTES = 8 * 2**20
STEP_BYTES = 256 * 1024  # chosen: most photographs take two or three steps
MAX_HEAD_BYTES = 4096  # chosen: of the one part's headers; longer ones are the parser's
ENDS = (b"--\r\n", b"--")
# Between the headers alone. werkzeug compiles patterns of each boundary, and most clients make one up for each request.
BOUNDARY = "frame"


class StrictFormParser(TolerantFormParser):
    """Raises on an unreadable body, which werkzeug would treat as empty."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "silent": False})

    def _parse_multipart(
        self, stream: IO[bytes], mimetype: str, content_length: int | None, options: dict[str, str]
    ) -> Any:
        """Parse as werkzeug does, but for the content of a single file."""
        if content_length is None or content_length > MAX_BODY_BYTES:
            return super()._parse_multipart(stream, mimetype, content_length, options)
        body = _read(stream, content_length)
        if split := split_file(body, options.get("boundary", "").encode("ascii")):
            headers, content = split
            frame = io.BytesIO(b"--%b\r\n%b\r\n--%b--\r\n" % (BOUNDARY.encode(), headers, BOUNDARY.encode()))
            _, form, files = super()._parse_multipart(frame, mimetype, content_length, {"boundary": BOUNDARY})
            if files and not form:  # else the part is a text
                (file,) = files.values()
                file.stream = io.BytesIO(content)
                return stream, form, files
        return super()._parse_multipart(io.BytesIO(body), mimetype, content_length, options)


def split_file(body: bytearray, boundary: bytes) -> tuple[bytes, bytes] | None:
    """Split a form of one part into the part's headers, blank line included, and its content.

    None for every other form, and for one that a parser might split elsewhere: at line breaks of another kind.
    """
    delimiter = b"--" + boundary
    first = delimiter + b"\r\n"
    start = body.find(b"\r\n\r\n", len(first), MAX_HEAD_BYTES) + 4
    end = body.find(delimiter, start) - 2
    if not boundary or start < 4 or end < start or body[end : end + 2] != b"\r\n":
        return None
    headers, last = bytes(body[len(first) : start]), bytes(body[end + len(first) :])
    if not body.startswith(first) or last not in ENDS or b"\n\n" in headers or b"\r\r" in headers:
        return None
    return headers, bytes(memoryview(body)[start:end])


def _read(stream: IO[bytes], length: int) -> bytearray:
    """Read a body to its end, into one buffer. The stream raises when its client is gone before that."""
    body, filled = bytearray(), 0
    while filled < length:
        if filled == len(body):  # only now: a client that sends nothing takes no memory
            body.extend(bytes(min(length, max(STEP_BYTES, 2 * filled)) - filled))
        with memoryview(body) as view:
            count = stream.readinto(view[filled:])  # type: ignore[attr-defined]  # a raw stream
        if not count:
            break
        filled += count
    del body[filled:]
    return body
