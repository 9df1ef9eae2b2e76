"""The client: all calls of one service."""

from types import TracebackType
from typing import Self

import httpx

from face_api_client import connections
from face_api_client.asynchronous.batches import AsyncBatchCalls
from face_api_client.asynchronous.deliveries import AsyncDeliveryCalls
from face_api_client.asynchronous.pictures import AsyncPictureCalls
from face_api_client.asynchronous.records import AsyncRecordCalls
from face_api_client.asynchronous.reviews import AsyncReviewCalls
from face_api_client.asynchronous.transport import AsyncTransport
from face_api_client.asynchronous.videos import AsyncVideoCalls
from face_api_client.retries import DEFAULT, Retries


class AsyncClient(
    AsyncPictureCalls, AsyncBatchCalls, AsyncVideoCalls, AsyncRecordCalls, AsyncReviewCalls, AsyncDeliveryCalls
):
    """A service, and the credentials there. It is closed at the end of a `with`, or by `aclose`.

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
        self._transport = AsyncTransport(httpx.AsyncClient(**connections.http_options(url, auth, timeout)), retries)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._transport.http.aclose()
