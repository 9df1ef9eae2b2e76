"""A real HTTP server that answers as it is told, request by request."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

BLOCK_BYTES = 64 * 1024


@dataclass(frozen=True)
class Received:
    method: str
    path: str
    headers: dict[str, str]
    size: int
    head: bytes


@dataclass(frozen=True)
class Answer:
    """body: in parts. cut: the connection ends before the body does."""

    status: int = 200
    body: tuple[bytes, ...] = ()
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False


HANG_UP = Answer(status=0)


class ScriptedServer:
    """answers: of the next requests, in this order; the last one stays."""

    def __init__(self, *answers: Answer, port: int = 0) -> None:
        self.answers = list(answers)
        self.received: list[Received] = []
        script = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                script.handle(self)

            do_GET = do_POST = do_PATCH = do_DELETE = handle_any  # noqa: N815 - the library's names

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def running(self) -> Iterator["ScriptedServer"]:
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        left = int(request.headers.get("Content-Length", 0))
        size, head = left, b""
        while left:
            block = request.rfile.read(min(left, BLOCK_BYTES))
            head = head or block
            left -= len(block)
        self.received.append(Received(request.command, request.path, dict(request.headers), size, head))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer is HANG_UP:
            request.close_connection = True
            request.connection.shutdown(socket.SHUT_RDWR)
            return
        request.send_response(answer.status)
        whole = sum(map(len, answer.body))
        for name, value in {"Content-Length": str(whole + answer.cut), **answer.headers}.items():
            request.send_header(name, value)
        request.end_headers()
        for part in answer.body:
            request.wfile.write(part)
        if answer.cut:
            request.close_connection = True


def as_json(body: Any, status: int = 200, **headers: str) -> Answer:
    return Answer(status, (json.dumps(body).encode(),), {"Content-Type": "application/json"} | headers)


def problem(status: int, code: str, retry_after: str = "", **more: Any) -> Answer:
    headers = {"X-Request-Id": "0f0e"} | ({"Retry-After": retry_after} if retry_after else {})
    return as_json({"code": code, "detail": f"it is {code}"} | more, status, **headers)
