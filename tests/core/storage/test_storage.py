"""The object stores: the same promises over a folder and over a real S3 server, and what each does alone."""

import json
import logging
import os
import socket
import stat
import subprocess
import sys
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from core import config, services
from core.errors import NotFound, SettingsError, StorageUnavailable
from core.storage import folder, objects
from core.storage.base import ObjectStore
from core.storage.folder import FolderStore
from tests import swift
from tests.ceph import Ceph
from tests.stack import free_port
from tests.swift import Swift

IMAGE = uuid.UUID(int=1)
KEY = objects.original_key(IMAGE, "photo.jpg")

MakeStore = Callable[..., ObjectStore]
Answer = tuple[int, dict[str, str], bytes]


@pytest.fixture(scope="session", params=["folder", "s3"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], dict[str, Any]]:
    """Name a place that nobody has used yet, as settings."""

    def name() -> dict[str, Any]:
        if request.param == "folder":
            return {"var_dir": tmp_path_factory.mktemp("store") / "var"}
        node: Swift | Ceph = request.getfixturevalue("s3_server")
        return {**node.settings(), "s3_bucket": f"test-{uuid.uuid4()}"}

    return name


@pytest.fixture(scope="session")
def shared_store(place: Callable[[], dict[str, Any]]) -> ObjectStore:
    return built(**place())


@pytest.fixture
def store(place: Callable[[], dict[str, Any]]) -> ObjectStore:
    """Return a store that holds nothing, not even its bucket or folder."""
    return built(**place())


def built(**values: Any) -> ObjectStore:
    made = services.object_store(config.read(**values))
    assert made
    return made


def fetch(store: ObjectStore, link: str) -> Answer:
    """Follow a link as a browser does; the service's own as the web tier serves it."""
    if not isinstance(store, FolderStore):
        answer = requests.get(link, timeout=10)
        return answer.status_code, dict(answer.headers), answer.content
    parts = urlsplit(link)
    key = unquote(parts.path).removeprefix(folder.LINK_PATH)
    try:
        return 200, store.verify(key, dict(parse_qsl(parts.query))), store.get(key)
    except NotFound:
        return 403, {}, b""


def keys(store: ObjectStore, prefix: str = "") -> list[str]:
    return sorted(found.key for found in store.list(prefix))


# What every store promises


@pytest.mark.parametrize("size", [0, 1, 65_537, 5 * 2**20, 5 * 2**20 + 1])
def test_store_gives_back_bytes(shared_store: ObjectStore, size: int) -> None:
    data = os.urandom(size)
    shared_store.put(KEY, data, "image/jpeg")
    assert shared_store.get(KEY) == data
    assert shared_store.stat(KEY).size_bytes == size


def test_store_replaces_what_was_there(store: ObjectStore) -> None:
    store.put(KEY, b"first, and longer", "image/jpeg")
    store.put(KEY, b"second", "image/png")
    assert store.get(KEY) == b"second"


def test_store_never_shows_half_a_write(shared_store: ObjectStore) -> None:
    versions = [bytes([value]) * 300_000 for value in range(6)]
    shared_store.put(KEY, versions[0], "image/jpeg")
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(lambda: [shared_store.put(KEY, data, "image/jpeg") for data in versions])
        read = [shared_store.get(KEY)]
        while not writing.done():
            read.append(shared_store.get(KEY))
    assert all(data in versions for data in read)


def test_store_misses_what_is_not_there(store: ObjectStore) -> None:
    for _ in ("without a bucket or folder", "with one"):
        for ask in (store.get, store.stat):
            with pytest.raises(NotFound):
                ask(KEY)
        store.delete(KEY)
        assert keys(store) == []
        store.put(objects.original_key(IMAGE, "other.jpg"), b"x", "image/jpeg")
        store.delete(objects.original_key(IMAGE, "other.jpg"))


def test_store_deletes_twice(store: ObjectStore) -> None:
    store.put(KEY, b"x", "image/jpeg")
    store.delete(KEY)
    store.delete(KEY)
    assert keys(store) == []


def test_store_lists_by_prefix(store: ObjectStore) -> None:
    images = [uuid.uuid4() for _ in range(swift.PAGE + 2)]
    originals = sorted(objects.original_key(image, "写真 +&=.jpg") for image in images)
    results = sorted(objects.processed_key(image, uuid.uuid4(), "png") for image in images)
    for number, key in enumerate(originals + results):
        store.put(key, b"x" * number, "image/jpeg")
    assert keys(store) == originals + results
    assert keys(store, "originals/") == originals
    assert keys(store, f"processed/{images[0]}") == [key for key in results if str(images[0]) in key]
    assert keys(store, "nothing/") == keys(store, originals[0] + "/") == []
    assert sorted(found.size_bytes for found in store.list()) == list(range(len(originals + results)))
    now = datetime.now(UTC)
    assert all(abs(now - found.modified_at) < timedelta(minutes=1) for found in store.list())


def test_store_stat_agrees_with_list(store: ObjectStore) -> None:
    store.put(KEY, b"abc", "image/jpeg")
    told = store.stat(KEY)
    listed = next(store.list())
    assert (told.key, told.size_bytes) == (listed.key, listed.size_bytes) == (KEY, 3)
    assert abs(told.modified_at - listed.modified_at) <= timedelta(seconds=1)


@settings(max_examples=15, deadline=None)
@given(st.text(max_size=80))
def test_store_takes_any_filename(shared_store: ObjectStore, name: str) -> None:
    key = objects.original_key(uuid.uuid4(), name)
    shared_store.put(key, name.encode(errors="replace"), "image/jpeg")
    assert keys(shared_store, key) == [key]
    assert fetch(shared_store, shared_store.link(key, name, "image/jpeg"))[2] == name.encode(errors="replace")
    shared_store.delete(key)
    assert keys(shared_store, key) == []


def test_link_gives_object_under_its_name(store: ObjectStore) -> None:
    store.put(KEY, b"pixels", "image/jpeg")
    status, headers, data = fetch(store, store.link(KEY, "Müller 写.jpg", "image/webp", "attachment"))
    assert (status, data, headers["Content-Type"]) == (200, b"pixels", "image/webp")
    assert headers["Content-Disposition"] == objects.content_disposition("attachment", "Müller 写.jpg")


def test_link_is_shown_inline_by_default(store: ObjectStore) -> None:
    store.put(KEY, b"pixels", "image/jpeg")
    headers = fetch(store, store.link(KEY, "photo.jpg", "image/jpeg"))[1]
    assert headers["Content-Disposition"] == 'inline; filename="photo.jpg"'


def test_link_expires(place: Callable[[], dict[str, Any]]) -> None:
    store = built(**place(), link_lifetime_s=4)
    store.put(KEY, b"pixels", "image/jpeg")
    link = store.link(KEY, "photo.jpg", "image/jpeg")
    assert fetch(store, link)[0] == 200
    time.sleep(5.1)
    assert fetch(store, link)[0] == 403


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("photo.jpg?", "other.jpg?"),
        ("image%2Fjpeg", "text%2Fhtml"),
        ("inline", "attachment"),
        ("xpires=", "xpires=9"),
        ("ignature=", "ignature=0"),
        ("ignature=", "ignature=%C3%A9"),
        ("ignature=", "nothing="),
    ],
)
def test_link_altered_is_refused(shared_store: ObjectStore, old: str, new: str) -> None:
    for name in ("photo.jpg", "other.jpg"):
        shared_store.put(objects.original_key(IMAGE, name), b"pixels", "image/jpeg")
    link = shared_store.link(KEY, "photo.jpg", "image/jpeg")
    assert fetch(shared_store, link)[0] == 200
    assert old in link
    assert fetch(shared_store, link.replace(old, new))[0] in {400, 403}


@pytest.mark.parametrize("key", ["../escaped", "/tmp/escaped", "a/../../escaped", "a//b", ""])  # noqa: S108
def test_keys_cannot_escape(shared_store: ObjectStore, key: str) -> None:
    verbs = (
        lambda: shared_store.put(key, b"x", "image/jpeg"),
        lambda: shared_store.get(key),
        lambda: shared_store.stat(key),
        lambda: shared_store.delete(key),
        lambda: shared_store.link(key, "a", "image/jpeg"),
    )
    for verb in verbs:
        with pytest.raises(ValueError, match="not a key"):
            verb()


def test_store_is_ready_before_first_use(store: ObjectStore) -> None:
    assert store.ready()
    assert keys(store) == []


FIRST_USE = """
import json, sys
from core import config, services
store = services.object_store(config.read(**json.loads(sys.argv[1])))
print("ready", flush=True)
sys.stdin.readline()
store.put(sys.argv[2], b"x", "image/jpeg")
print(store.link(sys.argv[2], "photo.jpg", "image/jpeg"))
"""


def test_store_first_used_by_many(place: Callable[[], dict[str, Any]]) -> None:
    """Bucket, folder and secret are made once, though several processes begin at the same moment."""
    values = place()
    names = [objects.original_key(uuid.uuid4(), "photo.jpg") for _ in range(3)]
    makers = []
    for key in names:
        command = [sys.executable, "-c", FIRST_USE, json.dumps(values, default=str), key]
        pipe = subprocess.PIPE
        makers.append(subprocess.Popen(command, cwd=config.ROOT, stdin=pipe, stdout=pipe, text=True))
    for maker in makers:
        assert maker.stdout and maker.stdout.readline() == "ready\n"
    for maker in makers:
        assert maker.stdin
        maker.stdin.write("go\n")
        maker.stdin.flush()
    links = [maker.communicate()[0].strip() for maker in makers]
    store = built(**values)
    assert keys(store) == sorted(names)
    assert [fetch(store, link)[0] for link in links] == [200] * len(makers)


# Stores that are down


def verbs(store: ObjectStore) -> list[Callable[[], Any]]:
    return [
        lambda: store.put(KEY, b"x", "image/jpeg"),
        lambda: store.get(KEY),
        lambda: store.stat(KEY),
        lambda: store.delete(KEY),
        lambda: list(store.list()),
    ]


def s3_store(endpoint: str, **values: Any) -> ObjectStore:
    own = {"s3_access_key": "someone", "s3_secret_key": "something"}
    return built(**{"s3_endpoint": endpoint, **own, **values})


@pytest.fixture
def silent() -> Iterator[str]:
    """Return the address of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


class Scripted(ThreadingHTTPServer):
    """Answers each request with the next of its answers (status, type, body), and with the last ever after."""

    def __init__(self, *answers: tuple[int, str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _ScriptedHandler)
        self.answers, self.asked = list(answers), 0
        self.endpoint = f"http://127.0.0.1:{self.server_address[1]}"

    def __enter__(self) -> "Scripted":
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class _ScriptedHandler(BaseHTTPRequestHandler):
    def answer(self) -> None:
        server = self.server
        assert isinstance(server, Scripted)
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, kind, body = server.answers[min(server.asked, len(server.answers) - 1)]
        server.asked += 1
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Retry-After", "5")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_PUT = do_HEAD = do_DELETE = answer  # noqa: N815  # http.server looks for these names

    def log_message(self, *_: object) -> None:
        pass


BUSY = (503, "application/xml", b"<Error><Code>SlowDown</Code></Error>")
DENIED = (403, "application/xml", b"<Error><Code>AccessDenied</Code></Error>")
DONE = (200, "application/xml", b"")


@pytest.mark.parametrize("number", range(5))
def test_refusing_port_is_unavailable(number: int) -> None:
    store = s3_store(f"http://127.0.0.1:{free_port()}", s3_retries=1)
    with pytest.raises(StorageUnavailable):
        verbs(store)[number]()


@pytest.mark.parametrize("number", range(5))
def test_silent_server_is_unavailable_in_time(silent: str, number: int) -> None:
    store = s3_store(silent, s3_read_timeout_s=1)
    began = time.monotonic()
    with pytest.raises(StorageUnavailable):
        verbs(store)[number]()
    assert 1 <= time.monotonic() - began < 2.8  # once: trying again twice would treble it


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


def test_busy_server_is_given_up() -> None:
    began = time.monotonic()
    with Scripted(BUSY) as server:
        with pytest.raises(StorageUnavailable):
            s3_store(server.endpoint, s3_retries=2).put(KEY, b"x", "image/jpeg")
        assert server.asked == 3
    assert time.monotonic() - began < 5  # what its Retry-After asks for


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


def test_server_down_is_not_ready(silent: str) -> None:
    assert not s3_store(silent, s3_read_timeout_s=0.2).ready()
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


def test_failures_never_tell_filename(silent: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    key = objects.original_key(IMAGE, "tell-tale.jpg")
    caplog.set_level(logging.DEBUG)
    (tmp_path / "var").write_text("")
    down = [
        s3_store(f"http://127.0.0.1:{free_port()}"),
        s3_store(silent, s3_read_timeout_s=0.1),
        built(var_dir=tmp_path / "var"),
    ]
    with Scripted(BUSY) as busy, Scripted(DENIED) as denied:
        for store in [*down, s3_store(busy.endpoint), s3_store(denied.endpoint)]:
            with pytest.raises(StorageUnavailable) as caught:
                store.put(key, b"x", "image/jpeg")
            told = "".join(traceback.format_exception(caught.value))
            assert caught.value.__cause__ and "tell-tale" not in told
    assert "tell-tale" not in caplog.text


# What only S3 does


def test_link_names_public_endpoint() -> None:
    closed = f"127.0.0.1:{free_port()}"
    store = s3_store(closed, s3_public_endpoint="https://pictures.example.com", s3_bucket="our-bucket")
    link = urlsplit(store.link(KEY, "photo.jpg", "image/jpeg"))
    assert (link.scheme, link.netloc, link.path) == ("https", "pictures.example.com", f"/our-bucket/{KEY}")


@pytest.mark.parametrize(
    ("values", "address"),
    [
        ({"s3_endpoint": "s3:9000"}, "https://s3:9000"),
        ({"s3_endpoint": "s3:9000", "s3_secure": False}, "http://s3:9000"),
        ({"s3_endpoint": "http://s3:9000/"}, "http://s3:9000"),
        ({"s3_endpoint": "https://s3.example.com", "s3_secure": False}, "https://s3.example.com"),
        ({"s3_endpoint": "http://s3:9000", "s3_public_endpoint": "files.example.com"}, "https://files.example.com"),
    ],
)
def test_scheme_decides_tls(values: dict[str, Any], address: str) -> None:
    store = s3_store(values.pop("s3_endpoint"), **values)
    assert store.link(KEY, "photo.jpg", "image/jpeg").startswith(address + "/")


# What only a folder does


def test_folder_is_for_its_user_alone(tmp_path: Path) -> None:
    store = built(var_dir=tmp_path / "var")
    store.put(KEY, b"x", "image/jpeg")
    store.link(KEY, "photo.jpg", "image/jpeg")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "var").rglob("*")}
    assert (modes["objects"], modes["photo.jpg"], modes["link-secret"]) == (0o700, 0o600, 0o600)


def test_folder_leaves_no_empty_folders(tmp_path: Path) -> None:
    store = built(var_dir=tmp_path)
    for name in ("a.jpg", "b.jpg"):
        store.put(objects.original_key(IMAGE, name), b"x", "image/jpeg")
    for name in ("a.jpg", "b.jpg"):
        store.delete(objects.original_key(IMAGE, name))
    assert [path.name for path in (tmp_path / "objects").rglob("*")] == ["originals"]


def test_folder_tells_of_killed_write(tmp_path: Path) -> None:
    """What a killed process leaves of a picture is found like any orphan, and deleted."""
    code = (
        "import os, pathlib, sys; from core.storage.folder import FolderStore\n"
        "pathlib.Path.replace = lambda *_: os._exit(9)\n"
        "FolderStore(pathlib.Path(sys.argv[1]), 1).put(sys.argv[2], b'x', 'image/jpeg')"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "objects"), KEY]
    assert subprocess.run(command, check=False, cwd=config.ROOT).returncode == 9
    store = built(var_dir=tmp_path)
    (left,) = keys(store, "originals/")
    assert left != KEY
    store.delete(left)
    assert keys(store) == []


def test_folder_link_forbids_sniffing(tmp_path: Path) -> None:
    store = built(var_dir=tmp_path)
    store.put(KEY, b"x", "image/jpeg")
    assert fetch(store, store.link(KEY, "photo.jpg", "image/jpeg"))[1]["X-Content-Type-Options"] == "nosniff"


def test_folder_damaged_secret_signs_nothing(tmp_path: Path) -> None:
    (tmp_path / "link-secret").write_bytes(b"")
    with pytest.raises(StorageUnavailable):
        built(var_dir=tmp_path).link(KEY, "photo.jpg", "image/jpeg")


# Settings


def test_storage_off_has_no_store() -> None:
    assert services.object_store(config.read(storage_enabled=False)) is None


def test_storage_needs_database() -> None:
    assert services.object_store(config.read(database_enabled=False, api_key_enabled=False)) is None


def test_endpoint_without_keys_is_refused() -> None:
    with pytest.raises(SettingsError) as caught:
        config.read(s3_endpoint="s3:9000", s3_bucket="No Bucket", link_lifetime_s=604_801)
    for name in ("S3_ACCESS_KEY", "S3_SECRET_KEY", "S3_BUCKET", "LINK_LIFETIME_S"):
        assert f"FACE_API_{name}:" in str(caught.value)


def test_keys_without_endpoint_are_refused() -> None:
    with pytest.raises(SettingsError, match="S3_ACCESS_KEY: is for a server"):
        config.read(s3_access_key="a", s3_secret_key="b")


@pytest.mark.parametrize(
    "endpoint",
    ["ftp://s3", "http://s3/path", "s3:port", "s3:99999", "http://", "http://me:pass@s3", "s3?x", "https://s3#x"],
)
def test_endpoint_that_names_no_server_is_refused(endpoint: str) -> None:
    for name in ("s3_endpoint", "s3_public_endpoint"):
        with pytest.raises(SettingsError, match=f"FACE_API_{name.upper()}:"):
            config.read(**{name: endpoint})


def test_keys_stay_out_of_repr() -> None:
    shown = repr(config.read(s3_endpoint="s3:9000", s3_access_key="access-1", s3_secret_key="secret-1"))
    assert "access-1" not in shown and "secret-1" not in shown
