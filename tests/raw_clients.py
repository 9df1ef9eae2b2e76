"""Connections to a service, byte by byte, for what no HTTP client would do."""

import contextlib
import re
import socket
from collections.abc import Iterator

from tests.stack import Stack

# The largest file that anybody may fetch: far more than the kernel keeps for a client that doesn't read.
BUNDLE = "/openapi/swagger/js/swagger-ui-bundle.js"
WAIT_S = 120


def connect(service: Stack, source: str = "127.0.0.1", receive_bytes: int | None = None) -> socket.socket:
    """Connect, from another address of this machine if need be; receive_bytes: what the kernel keeps unread."""
    made = socket.socket()
    if receive_bytes is not None:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    made.settimeout(WAIT_S)
    made.bind((source, 0))
    made.connect(("127.0.0.1", service.port))
    return made


@contextlib.contextmanager
def connected(service: Stack, count: int, source: str = "127.0.0.1") -> Iterator[list[socket.socket]]:
    """Hold so many connections."""
    with contextlib.ExitStack() as held:
        yield [held.enter_context(connect(service, source, receive_bytes=4096)) for _ in range(count)]


def head(path: str, method: str = "GET", **headers: str) -> bytes:
    """The head of a request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: a", *(f"{k.replace('_', '-')}: {v}" for k, v in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def read_to_end(client: socket.socket) -> bytes:
    """What a server sends until it closes, or resets the connection."""
    found = b""
    with contextlib.suppress(ConnectionResetError):
        while data := client.recv(65536):
            found += data
    return found


def read_answer(client: socket.socket) -> bytes:
    """One answer with a length, and nothing of the next; a byte at a time, so it should be small."""
    found = b""
    while not (ends := re.search(rb"(?i)content-length: (\d+)\r\n(?:.+\r\n)*\r\n", found)):
        byte = client.recv(1)
        assert byte, found
        found += byte
    return found + client.recv(int(ends[1]), socket.MSG_WAITALL)


def status(answer: bytes) -> int:
    """The status of an answer; 0 for none."""
    return int(answer.split(b" ", 2)[1]) if answer else 0
