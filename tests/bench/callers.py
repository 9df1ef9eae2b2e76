"""A service as the subject of a measurement: called over HTTP, by clients that cost little."""

import secrets
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import IO

from tests.bench.load import Done
from tests.stack import Stack

CLIENTS = 8  # chosen: enough to keep two worker processes busy
FORM = "Content-Type: multipart/form-data"
ANSWERED = (200, 422)  # 422: a mask that was verified and refused is as much work


class Client:
    """One kept connection. It reads of an answer what it needs: a client's own CPU is lost for the service.

    measured: 0.16 ms of CPU a call, where http.client takes 0.41.
    """

    def __init__(self, stack: Stack, path: str) -> None:
        self.address = "127.0.0.1", stack.port
        self.head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{stack.port}\r\nX-API-Key: {stack.key}\r\n"
        self.connection: tuple[socket.socket, IO[bytes]] | None = None

    def send(self, picture: bytes) -> bool:
        """Send a picture and wait for the answer; return whether it was one, and not that the service is busy."""
        status, text = self.request(picture)
        if status not in (*ANSWERED, 503, 504):
            raise RuntimeError(text)
        return status in ANSWERED

    def request(self, picture: bytes) -> tuple[int, bytes]:
        """Send a picture; return status and body."""
        boundary = secrets.token_hex(16)  # a new one for each call, as clients choose it
        part = f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n'.encode()
        end = f"\r\n--{boundary}--\r\n".encode()
        size = len(part) + len(picture) + len(end)
        head = f"{self.head}{FORM}; boundary={boundary}\r\nContent-Length: {size}\r\n\r\n".encode()
        sock, answer = self.connection = self.connection or self._connect()
        sock.sendall(b"".join([head, part, picture, end]))
        status, headers = answer.readline()[len("HTTP/1.1 ") :][:3], dict[bytes, bytes]()
        if not status:
            raise ConnectionResetError("the service has closed the connection")
        while line := answer.readline().rstrip():
            name, _, headers[name.lower()] = line.partition(b": ")
        body = answer.read(int(headers[b"content-length"]))
        if headers[b"connection"] == b"close":
            self.close()
        return int(status), body

    def _connect(self) -> tuple[socket.socket, IO[bytes]]:
        sock = socket.create_connection(self.address, timeout=300)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock, sock.makefile("rb")

    def close(self) -> None:
        for one in self.connection or ():
            one.close()
        self.connection = None


class Calls:
    """A service that is called over HTTP by some clients at once; each waits for its answer before it calls again."""

    def __init__(self, name: str, stack: Stack, path: str, clients: int, pictures: Sequence[bytes]) -> None:
        self.name, self.stack, self.path, self.clients, self.pictures = name, stack, path, clients, pictures
        self.beside: Mapping[str, list[int]] = {}

    @property
    def parts(self) -> Mapping[str, list[int]]:
        return {name: [process.pid] for name, process in self.stack.processes.items()}

    def prepare(self) -> None:
        pass

    def work(self, seconds: float) -> Done:
        started = time.perf_counter()
        turns, lock = self._turns(started + seconds), threading.Lock()

        def work(_client: int) -> tuple[list[float], int]:
            ms, refused = list[float](), 0
            with closing(Client(self.stack, self.path)) as client:
                while True:
                    with lock:
                        picture = next(turns, None)
                    if picture is None:
                        return ms, refused
                    began = time.perf_counter()
                    if client.send(picture):
                        ms.append((time.perf_counter() - began) * 1000)
                    else:
                        refused += 1
                        time.sleep(1)

        with ThreadPoolExecutor(self.clients) as pool:
            found = list(pool.map(work, range(self.clients)))
        ms = [one for times, _ in found for one in times]
        return Done(ms, time.perf_counter() - started, len(ms), sum(refused for _, refused in found))

    def _turns(self, until: float) -> Iterator[bytes]:
        while True:
            yield from self.pictures
            if time.perf_counter() >= until:
                return
