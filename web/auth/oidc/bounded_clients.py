"""HTTP to a provider that comes to an end: not too late, and not too large.

Somebody waits at the login page, and a thread of this tier with them: of a provider that sends a byte now and then,
or of whatever answers in its place, all threads would.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx

TIMEOUT = httpx.Timeout(5.0)  # chosen: of each step; who sends a byte now and then never meets it
TOTAL_TIMEOUT_S = 10.0  # chosen: of an answer, from the connection to its last byte
MAX_ANSWER_BYTES = 2**20  # chosen: documents, keys and tokens have some tens of KiB
UNPACKED = "identity"


class BoundedClient(httpx.Client):
    """Reads each answer whole; what it does not wait for or take is an error of httpx.

    Each request has a connection of its own, which is ended when time is up.
    """

    def __init__(self) -> None:
        super().__init__(
            timeout=TIMEOUT,
            limits=httpx.Limits(max_keepalive_connections=0),
            headers={"Accept-Encoding": UNPACKED},
            event_hooks={"response": [_bound]},
        )

    def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        opened: list[socket.socket] = []
        is_over = threading.Event()

        def note(event: str, info: dict[str, Any]) -> None:
            if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
                opened.append(info["return_value"].get_extra_info("socket"))
                if is_over.is_set():  # a host with many addresses, of which the first are silent, is found too late
                    hang_up()

        def hang_up() -> None:
            is_over.set()
            for sock in opened:
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(TOTAL_TIMEOUT_S, hang_up)
        timer.daemon = True
        timer.start()
        request.extensions = {**request.extensions, "trace": note}
        try:
            return super().send(request, **options)
        finally:
            timer.cancel()


def _bound(response: httpx.Response) -> None:
    """Limit a body before it is read; what is packed may have any size."""
    if response.headers.get("Content-Encoding", UNPACKED) != UNPACKED:
        raise httpx.DecodingError("the answer is packed, which was not asked for", request=response.request)
    response.stream = BoundedStream(response.stream)


class BoundedStream(httpx.SyncByteStream):
    """The body of an answer, up to a size."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        left = MAX_ANSWER_BYTES
        for block in self._stream:
            left -= len(block)
            if left < 0:
                raise httpx.ReadError(f"the answer has more than {MAX_ANSWER_BYTES} bytes")
            yield block

    def close(self) -> None:
        self._stream.close()
