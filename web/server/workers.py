"""The gunicorn worker of the web tier.

A rejected upload must neither break its connection nor delay others, and an accepted one is not copied on its way.
"""

import socket
import struct
import time
from typing import Any

from gunicorn import util
from gunicorn.http.body import LengthReader
from gunicorn.workers.gthread import ThreadWorker

from core.memory import HeapTrimmer
from web.server import refusals
from web.server.refusals import AnswerRecorder
from web.server.request_bodies import DirectBody

# What a rejected client may still send before it is disconnected: clients read the response only after sending.
DRAIN_BYTES = 64 * 2**20
DRAIN_S = 10.0
RECEIVE_TIMEOUT_S = 15
HEAP_GROWTH_BYTES = 48 * 2**20  # chosen: two of the largest uploads


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
        try:
            util.write_nonblock(client, refusals.answer(recorder.error()))
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
