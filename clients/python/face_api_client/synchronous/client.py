# Made by `python -m tests.clients.generated` from asynchronous/client.py: change it there.
"""The client: all calls of one service."""

from types import TracebackType
from typing import Self

import httpx

from face_api_client import connections
from face_api_client.synchronous.batches import BatchCalls
from face_api_client.synchronous.deliveries import DeliveryCalls
from face_api_client.synchronous.pictures import PictureCalls
from face_api_client.synchronous.records import RecordCalls
from face_api_client.synchronous.reviews import ReviewCalls
from face_api_client.synchronous.transport import Transport
from face_api_client.synchronous.videos import VideoCalls
from face_api_client.retries import DEFAULT, Retries


class Client(
    PictureCalls, BatchCalls, VideoCalls, RecordCalls, ReviewCalls, DeliveryCalls
):
    """A service, and the credentials there. It is closed at the end of a `with`, or by `close`.

    url: http(s)://host[:port]. api_key, or basic_auth: a user with a password. timeout: seconds, of each wait.
    Calls raise ApiError; retries: how long those are made again that may succeed later.
    """

    def __init__(
        self,
        url: str,
        *,
        api_key: str = "",
        basic_auth: tuple[str, str] | None = None,
        retries: Retries = DEFAULT,
        timeout: httpx.Timeout | float = connections.TIMEOUT,
    ) -> None:
        auth = connections.auth_of(api_key, basic_auth)
        self._transport = Transport(httpx.Client(**connections.http_options(url, auth, timeout)), retries)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._transport.http.close()
