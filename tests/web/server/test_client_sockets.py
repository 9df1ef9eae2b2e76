"""Sockets of clients: nothing is lost, and nobody is waited for without end."""

import os
import socket
import threading
from pathlib import Path

import pytest

from tests.web.server.conftest import Pair
from web.server import client_sockets
from web.server.client_sockets import ClientTooSlow

MUCH = os.urandom(3_000_000)  # far more than the kernel keeps for a client


def read(theirs: socket.socket, count: int) -> bytes:
    """Read so much, or to the end."""
    return b"".join(iter(lambda: theirs.recv(65536), b"")) if count < 0 else theirs.recv(count, socket.MSG_WAITALL)


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def flush_while_read(pair: Pair, count: int) -> bytes:
    """Send what is kept as a poller would, while the client reads."""
    ours, theirs = pair
    found: list[bytes] = []
    thread = threading.Thread(target=lambda: found.append(read(theirs, count)))
    thread.start()
    while not ours.flush():
        pass
    thread.join()
    return found[0]


def test_answer_is_kept_for_a_client_that_does_not_read(pair: Pair) -> None:
    ours, _ = pair
    ours.sendall(MUCH)
    assert 0 < ours.unsent_bytes < len(MUCH)


def test_kept_answer_arrives_whole(pair: Pair) -> None:
    ours, _ = pair
    ours.sendall(b"head")
    ours.sendall(MUCH)
    assert flush_while_read(pair, len(MUCH) + 4) == b"head" + MUCH


def arrived(theirs: socket.socket) -> bytes:
    """Return what has come so far."""
    try:
        return theirs.recv(2**20, socket.MSG_DONTWAIT)
    except BlockingIOError:
        return b""


def test_head_of_an_answer_goes_along_with_its_body(pair: Pair) -> None:
    ours, theirs = pair
    ours.begin_request()
    ours.sendall(b"head ")
    assert arrived(theirs) == b""
    ours.sendall(b"body")
    assert theirs.recv(100) == b"head body"
    ours.sendall(b"more")
    assert theirs.recv(100) == b"more"


def test_head_that_is_all_of_an_answer_is_sent(pair: Pair) -> None:
    ours, theirs = pair
    ours.begin_request()
    ours.sendall(b"head")
    ours.end_request()
    assert theirs.recv(100) == b"head"


def test_interim_answer_is_sent_at_once(pair: Pair) -> None:
    ours, theirs = pair
    ours.begin_request()
    ours.send(b"go on ")
    assert theirs.recv(100) == b"go on "


def test_head_comes_before_a_large_body(pair: Pair) -> None:
    ours, _ = pair
    ours.begin_request()
    ours.sendall(b"head")
    ours.sendall(MUCH)
    assert flush_while_read(pair, len(MUCH) + 4) == b"head" + MUCH


def test_head_comes_before_a_file_without_content(pair: Pair, tmp_path: Path) -> None:
    ours, theirs = pair
    path = tmp_path / "file"
    path.touch()
    ours.begin_request()
    ours.sendall(b"head")
    with path.open("rb") as file:
        ours.sendfile(file)
    ours.flush()
    ours.end_request()
    assert theirs.recv(100) == b"head"


def test_file_is_sent_after_the_app_has_closed_it(pair: Pair, tmp_path: Path) -> None:
    ours, _ = pair
    path = tmp_path / "file"
    path.write_bytes(MUCH)
    with path.open("rb") as file:
        ours.sendall(b"head")
        ours.sendfile(file, offset=10, count=1_500_000)
    path.unlink()
    assert flush_while_read(pair, 1_500_004) == b"head" + MUCH[10:1_500_010]


def test_file_that_shrinks_ends_the_answer(pair: Pair, tmp_path: Path) -> None:
    ours, _ = pair
    path = tmp_path / "file"
    path.write_bytes(b"short")
    with path.open("rb") as file, pytest.raises(OSError, match="shorter"):
        ours.sendfile(file, count=10)


def test_thread_that_writes_on_gives_up(pair: Pair) -> None:
    ours, _ = pair
    ours.sendall(MUCH)
    with pytest.raises(ClientTooSlow):
        ours.sendall(b"more")


def test_thread_that_writes_on_waits_for_a_reader(patient_pair: Pair) -> None:
    ours, theirs = patient_pair
    found: list[bytes] = []
    thread = threading.Thread(target=lambda: found.append(read(theirs, -1)))
    thread.start()
    for start in range(0, len(MUCH), 100_000):
        ours.sendall(MUCH[start : start + 100_000])
        assert ours.unsent_bytes <= client_sockets.AHEAD_BYTES + 100_000
    while not ours.flush():
        pass
    ours.shutdown(socket.SHUT_WR)
    thread.join()
    assert found == [MUCH]


def test_silent_client_is_given_up(pair: Pair) -> None:
    ours, _ = pair
    with pytest.raises(ClientTooSlow):
        ours.recv(10)


def test_trickling_client_is_given_up(pair: Pair) -> None:
    """However often it sends: the bytes have to be enough for the time."""
    ours, theirs = pair
    done = threading.Event()

    def trickle() -> None:
        while not done.wait(0.01):
            theirs.sendall(b".")

    thread = threading.Thread(target=trickle)
    thread.start()
    try:
        with pytest.raises(ClientTooSlow):
            read(ours, -1)
    finally:
        done.set()
        thread.join()


def test_each_request_meets_new_patience(pair: Pair) -> None:
    ours, theirs = pair
    with pytest.raises(ClientTooSlow):
        ours.recv(1)
    ours.begin_request()
    theirs.sendall(b"x")
    assert ours.recv(1) == b"x"


def test_waiting_has_gunicorns_limit_too(patient_pair: Pair) -> None:
    ours, _ = patient_pair
    ours.settimeout(0.001)
    with pytest.raises(ClientTooSlow):
        ours.recv(1)
    assert ours.reading.left_s > 1
    ours.setblocking(True)
    assert ours.gettimeout() is None


def test_peek_never_waits(pair: Pair) -> None:
    ours, _ = pair
    with pytest.raises(BlockingIOError):
        ours.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)


def test_close_closes_kept_files(pair: Pair, tmp_path: Path) -> None:
    ours, _ = pair
    path = tmp_path / "file"
    path.write_bytes(MUCH)
    before = open_files()
    with path.open("rb") as file:
        ours.sendfile(file)
    assert open_files() == before + 1
    ours.close()
    assert open_files() == before - 1
