"""The gunicorn worker of the web tier.

A rejected upload must neither break its connection nor delay others, and an accepted one is not copied on its way.
"""

import json
import re
import socket
import struct
import time
import uuid
from http import HTTPStatus
from typing import Any

from gunicorn import util
from gunicorn.http.body import Body, LengthReader
from gunicorn.workers.gthread import ThreadWorker

from core.errors import AddressTooLong, FaceApiError, HeadersTooLarge, InternalError, UnreadableRequest
from core.memory import HeapTrimmer
from web import errors
from web.requests import REQUEST_ID

# What a rejected client may still send before it is disconnected: clients read the response only after sending.
DRAIN_BYTES = 64 * 2**20
DRAIN_S = 10.0
RECEIVE_TIMEOUT_S = 15
HEAP_GROWTH_BYTES = 48 * 2**20  # chosen: two of the largest uploads


# What gunicorn refuses before the app sees it, by its status; whatever else the client did wrong is a 400.
REFUSALS: dict[int, FaceApiError] = {
    400: UnreadableRequest("the request line or a header is not valid HTTP/1.1"),
    414: AddressTooLong("options belong into the query, pictures and texts into the body"),
    431: HeadersTooLarge("send fewer or shorter headers and cookies"),
    500: InternalError(),
}
STATUS_LINE = re.compile(rb"HTTP/1\.1 (\d{3})")


class AnswerRecorder:
    """Takes what gunicorn would write to a client's socket."""

    def __init__(self) -> None:
        self.written = b""

    def sendall(self, data: bytes) -> None:
        self.written += data

    def gettimeout(self) -> None:
        """A socket's, which gunicorn restores."""

    def setblocking(self, blocking: bool) -> None:
        """A socket's."""

    def settimeout(self, timeout: float | None) -> None:
        """A socket's."""


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


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Threads that also do the slow parts of ending a connection, which gunicorn leaves to its one dispatcher."""

    def init_process(self) -> None:
        """Set up the heap before the threads begin; this serves until the process ends."""
        self._heap = HeapTrimmer(HEAP_GROWTH_BYTES)
        super().init_process()

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Answer a request; its body is read without copies."""
        if isinstance(req.body.reader, LengthReader):
            req.body = DirectBody(req.body.reader)
        return super().handle_request(req, conn)

    def _keepalive_after(self, conn: Any, keepalive: bool) -> bool:
        """Drain what a rejected client is still sending; gunicorn's own gives up after 64 KiB."""
        drained = conn.parser.finish_body(deadline=time.monotonic() + DRAIN_S, max_bytes=DRAIN_BYTES)
        return bool(keepalive and drained)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        """Answer what gunicorn refuses in the shape of every other error; it logs, and its HTML is thrown away."""
        recorder = AnswerRecorder()
        super().handle_error(req, recorder, addr, exc)
        line = STATUS_LINE.match(recorder.written)
        status = int(line[1]) if line else 500
        error = REFUSALS.get(status) or REFUSALS[400]
        request_id = str(uuid.uuid4())
        body = errors.body(error, request_id)
        content = json.dumps(body).encode()
        head = (
            f"HTTP/1.1 {body['status']} {HTTPStatus(body['status']).phrase}\r\nConnection: close\r\n"
            f"Content-Type: {errors.MEDIA_TYPE}\r\nContent-Length: {len(content)}\r\n{REQUEST_ID}: {request_id}\r\n\r\n"
        )
        try:
            util.write_nonblock(client, head.encode() + content)
        except OSError:
            self.log.debug("Failed to send error message.")

    def handle(self, conn: Any) -> Any:
        """Serve a connection, and close it here: that can take 2 seconds when the client doesn't.

        A client that stops sending in the middle of its request frees its thread.
        """
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", RECEIVE_TIMEOUT_S, 0))
        keep = super().handle(conn)
        if keep is False:
            conn.close(graceful=True)
        self._heap.trim_if_grown()
        return keep
