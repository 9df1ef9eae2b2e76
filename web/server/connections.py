"""A client's connection: what has arrived of its next request, and what it waits for."""

import re
import socket
import time
from enum import Enum, auto
from typing import Any

from gunicorn.workers.gthread import TConn

from web.server.client_sockets import ClientSocket
from web.server.messages import DISCARD_BYTES, ClientParser, ClientRequest

READ_BYTES = 64 * 1024
HEAD_BYTES = 64 * 1024  # chosen: eight of the largest headers that gunicorn takes
PROBES = (b"GET", b"HEAD")
BARE_LF = re.compile(rb"(?<!\r)\n")


class Stage(Enum):
    """What a connection waits for in the poller."""

    HEAD = auto()  # the head of a request
    ANSWER = auto()  # that the client takes the rest of its answer
    DISCARD = auto()  # the rest of a body that nobody reads
    CLOSE = auto()  # that the client closes, too: only then it surely has its answer (RFC 9112, section 9.6)
    BUSY = auto()  # nothing: a thread has it
    CLOSED = auto()


class Head(Enum):
    """Whether a head can be parsed. TOO_LARGE: it is not complete, and already too large."""

    PARTIAL = auto()
    COMPLETE = auto()
    TOO_LARGE = auto()


class Connection(TConn):  # type: ignore[misc]  # gunicorn has no types
    """One connection, with the attributes that gunicorn's threads expect of theirs. Only `begin_request` …
    `end_request` are a thread's, the rest is the poller's.

    deadline: by time.monotonic(), when what it waits for has to have come. keep: whether another request may follow.
    unread: bytes of a body that are to be discarded; None when nobody knows how many.
    """

    sock: ClientSocket

    def __init__(self, cfg: Any, sock: ClientSocket, client: Any, server: Any) -> None:
        super().__init__(cfg, sock, client, server)
        self.initialized = self.data_ready = True  # in gunicorn's words: a thread has nothing to wait for
        self.stage, self.deadline, self.events = Stage.BUSY, 0.0, 0
        self.counted = False  # among those of its address
        self.requests = 0
        self.keep = False
        self.unread: int | None = 0
        self._discarded = 0
        self.head = bytearray()  # and what came with it
        self._searched = 0

    def judge_head(self) -> Head:
        """Say whether a thread can take the request; one that is not valid HTTP it can, and finds that at once."""
        start = 2 if self.head.startswith(b"\r\n") else 0  # gunicorn skips one empty line
        since = max(start, self._searched - 3)
        self._searched = len(self.head)
        if self.head.find(b"\r\n\r\n", since) >= 0 or BARE_LF.search(self.head, since):
            return Head.COMPLETE
        line_end = self.head.find(b"\r\n", start)
        if (len(self.head) if line_end < 0 else line_end) - start > self.cfg.limit_request_line + 2:
            return Head.COMPLETE
        return Head.TOO_LARGE if len(self.head) > HEAD_BYTES else Head.PARTIAL

    def probed_path(self) -> bytes:
        """Return the path that a GET or HEAD asks for, without its query; b"" for anything else."""
        method, _, rest = bytes(self.head[:128]).lstrip(b"\r\n").partition(b" ")
        return rest.partition(b" ")[0].partition(b"?")[0] if method in PROBES else b""

    def begin_request(self) -> None:
        """Hand the head over to a parser."""
        self.requests += 1
        self.parser = ClientParser(self.cfg, self.sock, self.client, bytes(self.head))
        self._restart_head(b"")
        self.sock.begin_request()

    def end_request(self, keep: bool) -> None:
        """Note what of the body is unread, and what of the next request has arrived."""
        request: ClientRequest | None = self.parser.mesg
        came = self.parser.unreader.take_buffered()
        unread = request.unread_bytes() if request else None
        self.keep = keep and unread is not None and request is not None and not request.body.failed
        self.unread = None if unread is None else max(0, unread - len(came))
        self._restart_head(came[unread or 0 :])
        del self.parser
        self.sock.end_request()

    def send_rest(self) -> bool:
        """Send what the client takes now; return whether that was all."""
        self.sock.sending.left_s = self.deadline - time.monotonic()
        done = self.sock.flush()
        self.deadline = time.monotonic() + self.sock.sending.left_s
        return done

    def discard(self) -> int | None:
        """Throw away what the client sends, of a body or after its last answer; ConnectionError when that ends.

        Return what is still to come of the body, if that is known.
        """
        self.sock.reading.left_s = self.deadline - time.monotonic()
        most = min(READ_BYTES, self.unread) if self.keep and self.unread else READ_BYTES
        data = self.sock.recv(most, socket.MSG_DONTWAIT)
        self._discarded += len(data)
        if not data or self._discarded > DISCARD_BYTES:
            raise ConnectionResetError
        if self.unread != 0:
            self.deadline = time.monotonic() + self.sock.reading.left_s
        if self.unread:
            self.unread = max(0, self.unread - len(data))
        return self.unread

    def _restart_head(self, came: bytes) -> None:
        self.head, self._searched = bytearray(came), 0
