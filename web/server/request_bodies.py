"""Bodies of requests: those of known length from the socket into their reader's buffer, and those in chunks."""

from typing import cast

from gunicorn.http.body import Body
from gunicorn.http.errors import ParseException

from core.errors import UnreadableRequest


class DirectBody(Body):  # type: ignore[misc]  # gunicorn has no types
    """A body of known length that goes from the socket into its reader's buffer; gunicorn copies it four times."""

    def readinto(self, buffer: bytearray | memoryview) -> int:
        """Fill the beginning of a buffer with what has arrived; 0 at the end of the body or of the connection."""
        source = self.reader.unreader
        size = min(len(buffer), self.reader.length)
        try:
            if held := source.take_buffered():  # it came with the head of the request
                size = min(size, len(held))
                buffer[:size] = held[:size]
                source.unread(held[size:])
            elif size:
                size = source.sock.recv_into(memoryview(buffer)[:size])
        except OSError:
            self.failed = True  # so that the connection is closed
            raise
        self.reader.length -= size
        return int(size)


class ChunkedBody(Body):  # type: ignore[misc]
    """A body in chunks. UnreadableRequest, whoever reads it, where the chunks or what trails them is not valid."""

    def _read_reader(self, size: int) -> bytes:
        try:
            return cast(bytes, super()._read_reader(size))
        except ParseException as error:
            raise UnreadableRequest("the chunks of the body are not valid HTTP/1.1") from error
