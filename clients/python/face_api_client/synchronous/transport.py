# Made by `python -m tests.clients.generated` from asynchronous/transport.py: change it there.
"""HTTP with retries: a call is made again until there is an answer that a repeat won't change."""

import time
from collections.abc import Iterator, Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from face_api_client import responses
from face_api_client.errors import Rejected
from face_api_client.files import BLOCK_BYTES, PartFile
from face_api_client.retries import Attempts, FailedAttempt, Retries, ServiceState

EVENT_STREAM = "text/event-stream"
EVENTS_TIMEOUT = httpx.Timeout(40.0, connect=5.0)  # chosen: the service says every 15 s that it is still there
Attempt = Callable[[], httpx.Response]


class Transport:
    """Calls to one service; they share its pauses and connections."""

    def __init__(self, http: httpx.Client, retries: Retries) -> None:
        self.http = http
        self._retries, self._state = retries, ServiceState()

    def send(self, attempt: Attempt, *, is_repeatable: bool = True) -> httpx.Response:
        """Make a call until it succeeds; else ApiError.

        is_repeatable: whether it may be made again though the service may have done it.
        """
        attempts = Attempts(self._retries, self._state, is_repeatable)
        while True:
            time.sleep(attempts.pause_s())
            try:
                response = attempt()
            except httpx.TransportError as error:
                wait_s = attempts.failed(FailedAttempt.of_transport(error), error)
            else:
                if response.is_success:
                    attempts.succeeded()
                    return response
                wait_s = attempts.failed(FailedAttempt.of_response(response))
            time.sleep(wait_s)

    def get(self, path: str, **query: str | int | None) -> httpx.Response:
        """GET; a parameter that is None isn't sent."""
        parameters = {name: value for name, value in query.items() if value is not None}
        return self.send(lambda: self.http.get(path, params=parameters))

    def post(self, path: str, body: Any = None, headers: dict[str, str] | None = None) -> httpx.Response:
        """POST JSON, or nothing, to what may be called twice."""
        return self.send(lambda: self.http.post(path, json=body, headers=headers))

    def delete(self, path: str) -> None:
        """DELETE; a resource that is gone already is no error, as a repeat finds it so."""
        try:
            self.send(lambda: self.http.delete(path))
        except Rejected as error:
            if error.code != "not_found":
                raise

    def stream(self, path: str) -> httpx.Response:
        """GET, and return the response before its body, which the caller reads and closes."""

        def attempt() -> httpx.Response:
            response = self._opened(path)
            if not response.is_success:
                response.read()
            return response

        return self.send(attempt)

    @contextmanager
    def events(self, path: str) -> Iterator[Iterator[str]]:
        """GET an event stream, once, and give its lines; none where it is refused."""
        headers = {"Accept": EVENT_STREAM}
        with self.http.stream("GET", path, headers=headers, timeout=EVENTS_TIMEOUT) as response:
            is_stream = response.is_success and response.headers.get("Content-Type", "").startswith(EVENT_STREAM)
            yield response.iter_lines() if is_stream else _nothing()

    def receive(self, path: str, target: Path) -> str:
        """GET into a file, flushed to the disk, whole or not at all; return its sha256."""
        digests: list[str] = []

        def attempt() -> httpx.Response:
            response = self._opened(path)
            try:
                if not response.is_success:
                    response.read()
                    return response
                with PartFile(target) as file:
                    for block in response.iter_bytes(BLOCK_BYTES):
                        file.write(block)
                    responses.check_digest(response, file.digest)
                digests.append(file.digest)
                return response
            finally:
                response.close()

        self.send(attempt)
        return digests[-1]

    def _opened(self, path: str) -> httpx.Response:
        """GET, also from where the service sends us: to a signed link of its store, without the credentials."""
        response = self.http.send(self.http.build_request("GET", path), stream=True)
        if not response.has_redirect_location:
            return response
        response.close()
        link = response.url.join(response.headers["Location"])
        return self.http.send(self.http.build_request("GET", link), stream=True, auth=None)


def _nothing() -> Iterator[str]:
    nothing: tuple[str, ...] = ()
    for line in nothing:
        yield line


class Calls:
    """What the groups of calls share."""

    _transport: Transport
