"""Requests as gunicorn parses them, and what it lets pass that this service does not."""

from typing import Any

from gunicorn.http.body import Body, ChunkedReader, LengthReader
from gunicorn.http.errors import InvalidHeader
from gunicorn.http.message import Request
from gunicorn.http.parser import RequestParser

from core.storage.folder import LINK_PATH
from web.server.request_bodies import ChunkedBody, DirectBody

# What a refused client may still send before it is disconnected: clients read the answer only after sending.
DISCARD_BYTES = 64 * 2**20


class HostMissing(InvalidHeader):  # type: ignore[misc]  # gunicorn has no types
    """HTTP/1.1 without a Host header (RFC 9112, section 3.2)."""

    def __init__(self) -> None:
        super().__init__("HOST")


class ClientRequest(Request):  # type: ignore[misc]
    """A request whose body is read without copies."""

    headers: list[tuple[str, str]]
    body: Body

    def set_body_reader(self) -> None:
        """Judge the headers, then see how the body ends."""
        if self.version >= (1, 1) and not any(name == "HOST" for name, _ in self.headers):
            raise HostMissing
        # Only players need it, for videos; a file in pieces can't be handed to the kernel.
        if not self.path.startswith(LINK_PATH):
            self.headers = [(name, value) for name, value in self.headers if name != "RANGE"]
        super().set_body_reader()
        if isinstance(self.body.reader, LengthReader):
            self.body = DirectBody(self.body.reader)
        elif isinstance(self.body.reader, ChunkedReader):
            self.body = ChunkedBody(self.body.reader)

    def should_close(self) -> bool:
        """Whether the connection ends with this request. Asked when the answer's head is sent."""
        return bool(super().should_close() or self.body.failed or self.unread_bytes() is None)

    def unread_bytes(self) -> int | None:
        """Return how much of the body the app has left in the connection; None when that can't be skipped."""
        reader = self.body.reader
        if isinstance(reader, ChunkedReader):
            return None if reader.parser else 0
        return int(reader.length) if reader.length <= DISCARD_BYTES else None


class ClientParser(RequestParser):  # type: ignore[misc]
    """Parses the head of one request, which has arrived as a whole."""

    mesg_class = ClientRequest

    def __init__(self, cfg: Any, connection: Any, address: Any, head: bytes) -> None:
        super().__init__(cfg, connection, address)
        self.unreader.unread(head)
