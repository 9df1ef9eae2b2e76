"""Object stores that are down, slow, refuse or answer nonsense."""

import logging
import socket
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.errors import StorageUnavailable
from core.storage import objects
from tests.ceph import Ceph
from tests.core.storage.stores import BUSY, DENIED, DONE, IMAGE, KEY, Scripted, Silent, built, s3_store, verbs
from tests.ports import free_port
from tests.swift import Swift


@pytest.mark.parametrize("number", range(5))
def test_refusing_port_is_unavailable(number: int) -> None:
    store = s3_store(f"http://127.0.0.1:{free_port()}", s3_retries=1)
    with pytest.raises(StorageUnavailable):
        verbs(store)[number]()


@pytest.mark.parametrize("number", range(5))
def test_silent_server_is_unavailable_in_time(silent: Silent, number: int) -> None:
    store = s3_store(silent.endpoint, s3_read_timeout_s=0.3)
    with pytest.raises(StorageUnavailable):
        verbs(store)[number]()
    assert silent.count_calls() == 1  # trying again twice would treble the time


@pytest.mark.parametrize("number", range(5))
@pytest.mark.parametrize(
    "answer",
    [
        BUSY,
        DENIED,
        (403, "text/html", b"<p>no"),
        (418, "text/plain", b"\xff"),
    ],
)
def test_refusal_is_unavailable(answer: tuple[int, str, bytes], number: int) -> None:
    with Scripted(answer) as server, pytest.raises(StorageUnavailable):
        verbs(s3_store(server.endpoint, s3_retries=0))[number]()


def test_strangers_page_is_no_listing() -> None:
    with Scripted((200, "text/html", b"<p>Please log in")) as server, pytest.raises(StorageUnavailable):
        list(s3_store(server.endpoint).list())


def test_busy_server_is_asked_again() -> None:
    with Scripted(BUSY, BUSY, DONE) as server:
        s3_store(server.endpoint, s3_retries=2).put(KEY, b"x", "image/jpeg")
        assert server.asked == 3


def test_busy_server_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("time.sleep", pauses.append)
    with Scripted(BUSY) as server:
        with pytest.raises(StorageUnavailable):
            s3_store(server.endpoint, s3_retries=2).put(KEY, b"x", "image/jpeg")
        assert server.asked == 3
    assert sum(pauses) < 5  # what its Retry-After asks for


def test_denied_call_is_not_repeated() -> None:
    with Scripted(DENIED) as server:
        with pytest.raises(StorageUnavailable):
            s3_store(server.endpoint, s3_retries=2).put(KEY, b"x", "image/jpeg")
        assert server.asked == 1


def test_cut_answer_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:

        def answer_half() -> None:
            connection = listener.accept()[0]
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")
            connection.close()

        pool.submit(answer_half)
        with pytest.raises(StorageUnavailable):
            s3_store(f"http://127.0.0.1:{listener.getsockname()[1]}").get(KEY)


def test_server_down_is_not_ready(silent: Silent) -> None:
    assert not s3_store(silent.endpoint, s3_read_timeout_s=0.2).ready()
    assert not s3_store(f"http://127.0.0.1:{free_port()}", s3_retries=0).ready()


def test_wrong_keys_are_not_ready(s3_server: Swift | Ceph) -> None:
    assert not built(**{**s3_server.settings(), "s3_secret_key": "another"}).ready()


def test_unwritable_folder_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file where a folder should be")
    store = built(var_dir=tmp_path / "var")
    assert not store.ready()
    with pytest.raises(StorageUnavailable):
        store.put(KEY, b"x", "image/jpeg")
    with pytest.raises(StorageUnavailable):
        store.link(KEY, "photo.jpg", "image/jpeg")


@pytest.mark.parametrize("place", ["var", "var/objects"])
def test_blocked_folder_is_unavailable(tmp_path: Path, place: str) -> None:
    """Nobody can know whether the object is there."""
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).write_text("a file where a folder should be")
    store = built(var_dir=tmp_path / "var")
    for ask in (store.get, store.stat, store.delete):
        with pytest.raises(StorageUnavailable):
            ask(KEY)


def test_failures_never_tell_filename(silent: Silent, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    key = objects.original_key(IMAGE, "tell-tale.jpg")
    caplog.set_level(logging.DEBUG)
    (tmp_path / "var").write_text("")
    down = [
        s3_store(f"http://127.0.0.1:{free_port()}"),
        s3_store(silent.endpoint, s3_read_timeout_s=0.1),
        built(var_dir=tmp_path / "var"),
    ]
    with Scripted(BUSY) as busy, Scripted(DENIED) as denied:
        for store in [*down, s3_store(busy.endpoint), s3_store(denied.endpoint)]:
            with pytest.raises(StorageUnavailable) as caught:
                store.put(key, b"x", "image/jpeg")
            reported = "".join(traceback.format_exception(caught.value))
            assert caught.value.__cause__ and "tell-tale" not in reported
    assert "tell-tale" not in caplog.text
