"""The service as the command calls it: every call is tried until it has an answer that trying again won't change."""

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

from admin.batches.targets import NoAccess, ServiceTarget

ADMIN = "/api/v1/admin"
CONNECT_S, ANSWER_S = 10.0, 120.0
# chosen: a service that is being upgraded or whose database restarts is back by then
PATIENCE_S = 900.0
FIRST_PATIENCE_S = 10.0  # one that has never answered is probably not there
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 20.0
LONGEST_WAIT_S = 600.0  # of Retry-After: a call after that tells whether it still holds
BUSY = {"rate_limited", "queue_full"}
TRIED_AGAIN = {429, 502, 503, 504}
FAULTS = {500}
FAULT_TRIES = 3
NO_ACCESS = {401, 403}


class GaveUp(click.ClickException):
    """The service was out of reach, or kept refusing, for longer than anybody waits."""


@dataclass(frozen=True)
class Rejection:
    """What the service refuses, and why. code: its stable word for it."""

    status: int
    code: str
    detail: str


class RequestRejected(Exception):
    """An answer that trying again won't change."""

    def __init__(self, problem: Rejection) -> None:
        super().__init__(f"{problem.detail} ({problem.code})")
        self.problem = problem


Attempt = Callable[[], Awaitable[httpx.Response]]


class Client:
    """Calls of one service. say: is told why a call waits. patience_s: how long failing calls are repeated."""

    def __init__(self, place: ServiceTarget, say: Callable[[str], None], patience_s: float = PATIENCE_S) -> None:
        self._say = say
        self._place = place
        self._patience_s, self._has_answered = patience_s, False
        self._closed_until = 0.0  # the service has asked all of us to wait until then
        self.http = httpx.AsyncClient(
            base_url=place.url,
            auth=(place.user.encode(), place.password.encode()),
            timeout=httpx.Timeout(ANSWER_S, connect=CONNECT_S, pool=None),
            trust_env=not place.is_local,  # no proxy stands between two programs of one machine
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.http.aclose()

    async def get(self, path: str, **query: str | int | None) -> dict[str, Any]:
        """Return the JSON that is there; a parameter that is None isn't sent."""
        sent = {name: value for name, value in query.items() if value is not None}
        return _object(await self.persist(lambda: self.http.get(ADMIN + path, params=sent)))

    async def post(
        self, path: str, body: dict[str, Any] | None = None, headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """Send JSON, or nothing; return the JSON of the answer."""
        return _object(await self.persist(lambda: self.http.post(ADMIN + path, json=body, headers=headers)))

    async def persist(self, attempt: Attempt) -> httpx.Response:
        """Repeat an attempt until its answer says yes, Refused or NoAccess says no, or GaveUp tells that nobody does.

        Retry-After is obeyed, by all calls of this client; else the pauses grow. How long a service may go on saying
        that it is busy has no limit: then it is there, and works.
        """
        since, tries, faults = time.monotonic(), 0, 0
        while True:
            await asyncio.sleep(max(0.0, self._closed_until - time.monotonic()))
            problem, wait_s = await self._try(attempt)
            if isinstance(problem, httpx.Response):
                return problem
            faults += problem.status in FAULTS
            if faults >= FAULT_TRIES:
                raise RequestRejected(problem)
            if problem.code in BUSY:
                since = time.monotonic()
            elif time.monotonic() - since > (self._patience_s if self._has_answered else FIRST_PATIENCE_S):
                raise GaveUp(f"{self._place.url}: {problem.detail}")
            self._say(f"waiting: {problem.detail}")
            if wait_s:
                self._closed_until = max(self._closed_until, time.monotonic() + min(wait_s, LONGEST_WAIT_S))
            else:
                longest = min(FIRST_PAUSE_S * 2**tries, LONGEST_PAUSE_S)
                await asyncio.sleep(longest * random.uniform(0.5, 1))  # noqa: S311 - only so that not all come at once
                tries = min(tries + 1, 10)

    async def _try(self, attempt: Attempt) -> tuple[Rejection | httpx.Response, float | None]:
        """Return an answer that says yes, or what stood against it and how long the service asks to wait."""
        try:
            answer = await attempt()
        except httpx.LocalProtocolError as error:
            # The file is longer or shorter than when it was opened.
            raise RequestRejected(
                Rejection(0, "changed_meanwhile", "the file has changed while it was sent")
            ) from error
        except httpx.TransportError as error:
            return Rejection(0, "unreachable", f"the service can't be reached: {error or type(error).__name__}"), None
        self._has_answered = True
        if answer.is_success:
            return answer, None
        problem = _problem(answer)
        if problem.status in NO_ACCESS or problem.code == "no_admin_password":
            raise NoAccess(f"{self._place.url}: {problem.detail} ({problem.code})")
        if problem.status in TRIED_AGAIN | FAULTS:
            return problem, retry_after_s(answer.headers.get("Retry-After", ""))
        raise RequestRejected(problem)


def retry_after_s(header: str) -> float | None:
    """Read how long a caller is asked to wait: seconds, or a date; None when it can't be read."""
    if header.isdecimal():
        return float(header)
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def _problem(answer: httpx.Response) -> Rejection:
    """Read what an answer says against a call; a proxy's page isn't shown."""
    try:
        told = answer.json()
        return Rejection(answer.status_code, str(told["code"]), str(told["detail"]))
    except (ValueError, KeyError, TypeError):
        to = f", a redirect to {answer.headers['Location']}" if "Location" in answer.headers else ""
        return Rejection(answer.status_code, f"http_{answer.status_code}", f"the answer is {answer.status_code}{to}")


def _object(answer: httpx.Response) -> dict[str, Any]:
    try:
        told = answer.json()
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise RequestRejected(Rejection(answer.status_code, "not_the_service", "this is no answer of a Face API"))
    return told
