"""Stores made from settings, servers that are down, and what follows a link."""

import socket
import threading
import uuid
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import requests

from core import config, services
from core.errors import NotFound
from core.storage import folder, objects
from core.storage.base import ObjectStore
from core.storage.folder import FolderStore

IMAGE = uuid.UUID(int=1)
KEY = objects.original_key(IMAGE, "photo.jpg")

MakeStore = Callable[..., ObjectStore]
Answer = tuple[int, dict[str, str], bytes]


def built(**values: Any) -> ObjectStore:
    made = services.object_store(config.read(**values))
    assert made
    return made


def fetch(store: ObjectStore, link: str) -> Answer:
    """Follow a link as a browser does; the service's own as the web tier serves it."""
    if not isinstance(store, FolderStore):
        answer = requests.get(link, timeout=60)
        return answer.status_code, dict(answer.headers), answer.content
    parts = urlsplit(link)
    key = unquote(parts.path).removeprefix(folder.LINK_PATH)
    try:
        return 200, store.verify(key, dict(parse_qsl(parts.query))), store.get(key)
    except NotFound:
        return 403, {}, b""


def keys(store: ObjectStore, prefix: str = "") -> list[str]:
    return sorted(found.key for found in store.list(prefix))


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


class Silent:
    """A server that takes connections and never answers."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self.endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"

    def count_calls(self) -> int:
        """Return how many connections were made since the last count."""
        self._listener.setblocking(False)
        count = 0
        with suppress(BlockingIOError):
            while True:
                self._listener.accept()[0].close()
                count += 1
        return count


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
