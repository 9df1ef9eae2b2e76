"""An attack by clients that cost nothing: idle, trickling, and asking without reading."""

import contextlib
import itertools
import select
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator

from tests import background
from tests.raw_clients import BUNDLE, head

IDLE, TRICKLING, NOT_READING = "idle", "trickling", "not reading"
TRICKLE_S = 4.0  # a byte each: whatever limits silence alone is kept
AGAIN_S = 20.0  # what does not read hears nothing of its end, so it begins again after a while
A_SOURCE = 50  # connections of one address of this machine
BEGUN = {IDLE: b"", TRICKLING: b"GET /health HTTP/1.1\r\nHost: a\r\nX-A: ", NOT_READING: head(BUNDLE)}


class SlowClients:
    """Keeps so many connections of each kind open; one that the service ends is opened again at once."""

    def __init__(self, port: int, counts: dict[str, int]) -> None:
        self._port, self._counts = port, counts
        self._poll = select.poll()
        self._held: dict[int, tuple[socket.socket, str, float]] = {}
        self._numbers = itertools.count()
        self._complete = threading.Event()
        self.opened: Counter[str] = Counter()

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """Attack during the block, from when all connections are there."""
        with background.running(self._run):
            assert self._complete.wait(60), "the service takes no connections"
            yield

    def _run(self, ended: threading.Event) -> None:
        for kind, count in self._counts.items():
            for _ in range(count):
                self._open(kind)
        self._complete.set()
        trickle_at = 0.0
        while not ended.wait(0.1):
            for number, _ in self._poll.poll(0):
                self._answered(number)
            now = time.monotonic()
            trickles, trickle_at = now >= trickle_at, (now + TRICKLE_S if now >= trickle_at else trickle_at)
            for number, (client, kind, opened) in list(self._held.items()):
                if trickles and kind == TRICKLING:
                    with contextlib.suppress(OSError):
                        client.send(b"a")
                if kind == NOT_READING and now > opened + AGAIN_S:
                    self._replace(number)
        for client, _, _ in self._held.values():
            client.close()

    def _open(self, kind: str) -> None:
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.bind((f"127.0.2.{next(self._numbers) // A_SOURCE % 200 + 1}", 0))
        client.connect(("127.0.0.1", self._port))
        client.setblocking(False)
        client.send(BEGUN[kind])
        self._held[client.fileno()] = client, kind, time.monotonic()
        self._poll.register(client, 0 if kind == NOT_READING else select.POLLIN)
        self.opened[kind] += 1

    def _answered(self, number: int) -> None:
        """Begin again where the service has ended a connection; it says 408 before."""
        client, kind, _ = self._held[number]
        with contextlib.suppress(OSError):
            if kind != NOT_READING and client.recv(65536):
                return
        self._replace(number)

    def _replace(self, number: int) -> None:
        client, kind, _ = self._held.pop(number)
        self._poll.unregister(number)
        client.close()
        with contextlib.suppress(OSError):
            self._open(kind)
