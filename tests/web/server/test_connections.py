"""When a request is handed to a thread, and what is left of it when the thread has answered."""

from typing import Any

import pytest
from gunicorn.config import Config

from tests.web.server.conftest import Pair
from web.server import connections
from web.server.connections import Connection, Head
from web.server.messages import DISCARD_BYTES, HostMissing

GET = b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n"
CHUNKED = b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
def conn(pair: Pair) -> Connection:
    return Connection(Config(), pair[0], ("127.0.0.1", 1), ("127.0.0.1", 2))


def received(conn: Connection, *pieces: bytes) -> Head:
    """What is thought of a head after each piece; all but the last are not enough."""
    *first, last = pieces
    for piece in first:
        conn.head += piece
        assert conn.judge_head() is Head.PARTIAL
    conn.head += last
    return conn.judge_head()


def request(conn: Connection, sent: bytes) -> Any:
    """The request that was sent, parsed."""
    conn.head += sent
    conn.begin_request()
    return next(conn.parser)


@pytest.mark.parametrize("size", [1, 3, 7, len(GET)])
@pytest.mark.parametrize("start", [b"", b"\r\n"])
def test_head_is_complete_with_its_last_byte(conn: Connection, size: int, start: bytes) -> None:
    sent = start + GET
    pieces = [sent[at : at + size] for at in range(0, len(sent), size)]
    assert received(conn, *pieces) is Head.COMPLETE


def test_empty_line_before_the_request_is_no_head(conn: Connection) -> None:
    assert received(conn, b"\r\n", b"GET / HTTP/1.1\r\n") is Head.PARTIAL


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\nHost: a\n\n",
        b"GET / HTTP/1.1\r\nHost: a\n",
        b"GET /" + b"a" * 5000,
        b"GET /" + b"a" * 5000 + b"\r\n",
    ],
    ids=["line", "header", "long", "long_line"],
)
def test_what_can_never_be_valid_is_not_waited_for(conn: Connection, sent: bytes) -> None:
    assert received(conn, sent) is Head.COMPLETE


def test_bare_line_end_is_found_between_pieces(conn: Connection) -> None:
    assert received(conn, b"GET / HTTP/1.1\r\nHost: a\r", b"\nX: y", b"\n") is Head.COMPLETE


def test_head_that_grows_without_end_is_too_large(conn: Connection) -> None:
    lines = b"X-A: b\r\n" * (connections.HEAD_BYTES // 8)
    assert received(conn, b"GET / HTTP/1.1\r\n", lines) is Head.TOO_LARGE


@pytest.mark.parametrize(
    ("line", "path"),
    [
        (b"GET /health/live HTTP/1.1", b"/health/live"),
        (b"HEAD /health?x=1 HTTP/1.1", b"/health"),
        (b"\r\nGET /health HTTP/1.1", b"/health"),
        (b"POST /health HTTP/1.1", b""),
        (b"GET", b""),
        (b"GET " + b"/" * 500, b"/" * 124),
    ],
)
def test_path_of_a_probe_is_seen_before_parsing(conn: Connection, line: bytes, path: bytes) -> None:
    conn.head += line
    assert conn.probed_path() == path


def test_host_is_needed_since_1_1(conn: Connection) -> None:
    with pytest.raises(HostMissing):
        request(conn, b"GET / HTTP/1.1\r\nX-Host: a\r\n\r\n")
    assert request(conn, b"GET / HTTP/1.0\r\n\r\n").path == "/"


def test_range_is_ignored(conn: Connection) -> None:
    headers = request(conn, b"GET / HTTP/1.1\r\nHost: a\r\nRange: bytes=0-1\r\n\r\n").headers
    assert [name for name, _ in headers] == ["HOST"]


@pytest.mark.parametrize("came", [0, 4, 10])
def test_unread_body_is_skipped_to_the_next_request(conn: Connection, came: int) -> None:
    sent = POST + b"0123456789" + GET
    request(conn, sent[: len(POST) + came + (len(GET) if came == 10 else 0)])
    conn.end_request(keep=True)
    assert (conn.keep, conn.unread, bytes(conn.head)) == (True, 10 - came, GET if came == 10 else b"")


def test_request_without_body_leaves_the_next(conn: Connection) -> None:
    request(conn, GET + POST)
    conn.end_request(keep=True)
    assert (conn.keep, conn.unread, bytes(conn.head)) == (True, 0, POST)


def test_unread_chunks_end_the_connection(conn: Connection) -> None:
    unread = request(conn, CHUNKED + b"3\r\nabc\r\n")
    assert unread.should_close()
    conn.end_request(keep=True)
    assert (conn.keep, conn.unread) == (False, None)


def test_read_chunks_keep_the_connection(conn: Connection) -> None:
    read = request(conn, CHUNKED + b"3\r\nabc\r\n0\r\n\r\n" + GET)
    assert read.body.read() == b"abc"
    assert not read.should_close()
    conn.end_request(keep=True)
    assert (conn.keep, conn.unread, bytes(conn.head)) == (True, 0, GET)


@pytest.mark.parametrize(("length", "ends"), [(DISCARD_BYTES, False), (DISCARD_BYTES + 1, True)])
def test_body_too_long_to_skip_ends_the_connection(conn: Connection, length: int, ends: bool) -> None:
    sent = POST.replace(b" 10", f" {length}".encode())
    assert request(conn, sent).should_close() is ends
    conn.end_request(keep=True)
    assert conn.keep is not ends


def test_unparsed_request_ends_the_connection(conn: Connection) -> None:
    with pytest.raises(HostMissing):
        request(conn, b"GET / HTTP/1.1\r\n\r\n")
    conn.end_request(keep=False)
    assert (conn.keep, conn.unread) == (False, None)
