"""Bodies from the socket: complete, in whatever pieces they come, and not a byte of the next request."""

import socket
from typing import Any

import pytest
from gunicorn.http.body import LengthReader
from gunicorn.http.unreader import SocketUnreader
from werkzeug.exceptions import ClientDisconnected
from werkzeug.wsgi import LimitedStream

from tests.web.server.conftest import Pair
from web.server.client_sockets import ClientTooSlow
from web.server.request_bodies import DirectBody

SENT = bytes(range(256)) * 40


def body(ours: socket.socket, length: int, held: bytes = b"") -> Any:
    """held: what the server has read together with the request's head."""
    source = SocketUnreader(ours)
    source.unread(held)
    return DirectBody(LengthReader(source, length))


@pytest.mark.parametrize("held", [0, 1, 5000, len(SENT)])
@pytest.mark.parametrize("piece", [1, 700, 100_000])
def test_body_is_read_whole(pair: Pair, held: int, piece: int) -> None:
    ours, theirs = pair
    theirs.sendall(SENT[held:])
    stream = LimitedStream(body(ours, len(SENT), SENT[:held]), len(SENT))
    assert b"".join(iter(lambda: stream.read(piece), b"")) == SENT


@pytest.mark.parametrize("held", [0, len(SENT) + 5])
def test_next_request_is_left(pair: Pair, held: int) -> None:
    ours, theirs = pair
    all_sent = SENT + b"POST / HTTP/1.1"
    theirs.sendall(all_sent[held:])
    read = body(ours, len(SENT), all_sent[:held])
    buffer = bytearray(len(SENT) * 2)
    filled = 0
    while count := read.readinto(memoryview(buffer)[filled:]):
        filled += count
    assert bytes(buffer[:filled]) == SENT
    assert (read.reader.unreader.take_buffered() + ours.recv(100)).startswith(b"POST")


def test_rest_can_be_drained(pair: Pair) -> None:
    """A rejected request's body: gunicorn reads what the app has left."""
    ours, theirs = pair
    theirs.sendall(SENT)
    read = body(ours, len(SENT))
    read.readinto(bytearray(100))
    assert read.read() == SENT[100:]


def test_client_that_leaves_is_noticed(pair: Pair) -> None:
    ours, theirs = pair
    theirs.sendall(SENT)
    theirs.shutdown(socket.SHUT_WR)
    stream = LimitedStream(body(ours, len(SENT) + 1), len(SENT) + 1)
    with pytest.raises(ClientDisconnected):
        stream.readall()


def test_client_that_stalls_ends_its_connection(pair: Pair) -> None:
    ours, _ = pair
    read = body(ours, 1)
    with pytest.raises(ClientTooSlow):
        read.readinto(bytearray(1))
    assert read.failed  # gunicorn looks at this before it keeps a connection
