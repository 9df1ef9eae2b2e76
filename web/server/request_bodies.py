"""Bodies of requests, from the socket into their reader's buffer."""

from gunicorn.http.body import Body


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
