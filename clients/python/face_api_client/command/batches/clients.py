"""HTTP client of the batch command: requests are retried until there is an answer that a retry won't change."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self

import click
import httpx

from face_api_client.command import terminals
from face_api_client.command.targets import NoAccess, ServiceTarget

ADMIN = "/api/v1/admin"
CONNECT_TIMEOUT_S, RESPONSE_TIMEOUT_S = 2.5, 120.0
# chosen: a service that is being upgraded or whose database restarts is back by then
RETRY_LIMIT_S = 900.0
# chosen: a service that has never answered is probably not there; with the last attempt that is told within 5 s
FIRST_RETRY_LIMIT_S = 1.5
START_LIMIT_S = 4.5  # for one that takes the connection and says nothing
FIRST_BACKOFF_S, MAX_BACKOFF_S = 0.5, 20.0
MAX_RETRY_AFTER_S = 600.0  # then a request finds out whether it still holds
BUSY_CODES = {"rate_limited", "queue_full"}
RETRIED_STATUSES = {429, 502, 503, 504}
ERROR_STATUSES = {500}
MAX_ERRORS = 3
ACCESS_STATUSES = {401, 403}


class RetriesExhausted(click.ClickException):
    """The service was unreachable, or kept failing, for longer than the retry limit."""


class NotReached(click.ClickException):
    """The service did not answer, or can't work, before anything was started."""

    exit_code = 2


@dataclass(frozen=True)
class Rejection:
    """Why the service rejected a request. code: its stable error code."""

    status: int
    code: str
    detail: str


class RequestRejected(Exception):
    """An answer that a retry won't change."""

    def __init__(self, rejection: Rejection) -> None:
        super().__init__(f"{rejection.detail} ({rejection.code})")
        self.rejection = rejection


Attempt = Callable[[], Awaitable[httpx.Response]]


class Client:
    """Requests to one service. notify: is called with why a request waits; retry_limit_s: for failing requests."""

    def __init__(
        self, target: ServiceTarget, notify: Callable[[str], None], retry_limit_s: float = RETRY_LIMIT_S
    ) -> None:
        self._notify = notify
        self._target = target
        self._retry_limit_s, self._has_answered = retry_limit_s, False
        self._paused_until = 0.0  # the service has asked for a pause of all requests
        self.http = httpx.AsyncClient(
            base_url=target.url,
            auth=None if target.api_key else (target.user.encode(), target.password.encode()),
            headers={"X-API-Key": target.api_key} if target.api_key else None,
            timeout=httpx.Timeout(RESPONSE_TIMEOUT_S, connect=CONNECT_TIMEOUT_S, pool=None),
            trust_env=not target.is_local,  # no proxy between two programs of one machine
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.http.aclose()

    async def get(self, path: str, **query: str | int | None) -> dict[str, Any]:
        """GET a JSON object; a parameter that is None isn't sent."""
        parameters = {name: value for name, value in query.items() if value is not None}
        return _object(await self.send(lambda: self.http.get(ADMIN + path, params=parameters)))

    async def post(
        self, path: str, body: dict[str, Any] | None = None, headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """POST JSON, or nothing; return the JSON object of the response."""
        return _object(await self.send(lambda: self.http.post(ADMIN + path, json=body, headers=headers)))

    async def delete(self, path: str) -> None:
        """DELETE; a resource that is gone already is no error, as a repeat finds it so."""
        try:
            await self.send(lambda: self.http.delete(ADMIN + path))
        except RequestRejected as error:
            if error.rejection.code != "not_found":
                raise

    async def send(self, attempt: Attempt) -> httpx.Response:
        """Retry an attempt until it succeeds; else RequestRejected, NoAccess, or RetriesExhausted after the limit.

        All requests of this client honour a Retry-After; without one the back-off grows. A service that reports that
        it is busy is retried without a limit: it is up and working.
        """
        since, retries, errors = time.monotonic(), 0, 0
        while True:
            await asyncio.sleep(max(0.0, self._paused_until - time.monotonic()))
            outcome, wait_s = await self._try(attempt)
            if isinstance(outcome, httpx.Response):
                return outcome
            errors += outcome.status in ERROR_STATUSES
            if errors >= MAX_ERRORS:
                raise RequestRejected(outcome)
            if outcome.code in BUSY_CODES:
                since = time.monotonic()
            elif time.monotonic() - since > (self._retry_limit_s if self._has_answered else FIRST_RETRY_LIMIT_S):
                raise self._exhausted(outcome)
            self._notify(f"waiting: {outcome.detail}")
            if wait_s:
                self._paused_until = max(self._paused_until, time.monotonic() + min(wait_s, MAX_RETRY_AFTER_S))
            else:
                backoff_s = min(FIRST_BACKOFF_S * 2**retries, MAX_BACKOFF_S)
                await asyncio.sleep(backoff_s * random.uniform(0.5, 1))  # noqa: S311 - jitter, so that not all come at once
                retries = min(retries + 1, 10)

    def _exhausted(self, outcome: Rejection) -> click.ClickException:
        if self._has_answered:
            return RetriesExhausted(f"{self._target.url}: {outcome.detail}")
        return NotReached(f"{self._target.url}: {outcome.detail}\n{what_to_check(self._target)}")

    async def _try(self, attempt: Attempt) -> tuple[Rejection | httpx.Response, float | None]:
        """Return a successful response, or why it failed and the seconds of Retry-After."""
        try:
            response = await attempt()
        except httpx.LocalProtocolError as error:
            # The file has grown or shrunk since it was opened.
            raise RequestRejected(
                Rejection(0, "changed_meanwhile", "the file changed while it was uploaded")
            ) from error
        except httpx.TransportError as error:
            return Rejection(0, "unreachable", f"the service can't be reached: {error or type(error).__name__}"), None
        self._has_answered = True
        if response.is_success:
            return response, None
        rejection = _rejection(response)
        if rejection.status in ACCESS_STATUSES or rejection.code == "no_admin_password":
            hint = f"check {self._target.credentials}, and that --url is the service you mean"
            raise NoAccess(f"{self._target.url}: {rejection.detail} ({rejection.code})\n{hint}")
        if rejection.status in RETRIED_STATUSES | ERROR_STATUSES:
            return rejection, retry_after_s(response.headers.get("Retry-After", ""))
        raise RequestRejected(rejection)


def what_to_check(target: ServiceTarget) -> str:
    return f"check that --url or FACE_API_URL is right, and that {target.url}/health answers"


def retry_after_s(header: str) -> float | None:
    """Parse a Retry-After header, seconds or a date; None for anything else."""
    if header.isdecimal():
        return float(header)
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def _rejection(response: httpx.Response) -> Rejection:
    """Read the code and detail of an error response; the HTML of a proxy isn't shown."""
    try:
        problem = response.json()
        code, detail = (terminals.printable(str(problem[name])) for name in ("code", "detail"))
        return Rejection(response.status_code, code, detail)
    except (ValueError, KeyError, TypeError):
        status, location = response.status_code, response.headers.get("Location")
        redirect = f", a redirect to {terminals.printable(location)}" if location is not None else ""
        return Rejection(status, f"http_{status}", f"the response status is {status}{redirect}")


def _object(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise RequestRejected(
            Rejection(response.status_code, "not_the_service", "this is not a response of a Face API")
        )
    return body
