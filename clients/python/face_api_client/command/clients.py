"""The client as the command uses it: patient, and with errors as they are for a terminal."""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import click
import httpx

from face_api_client.asynchronous.client import AsyncClient
from face_api_client.command import targets, terminals
from face_api_client.command.targets import NoAccess, ServiceTarget
from face_api_client.errors import AccessRefused, Rejected, Unavailable
from face_api_client.retries import Retries

Result = TypeVar("Result")
CONNECT_TIMEOUT_S, RESPONSE_TIMEOUT_S = 2.5, 120.0
# chosen: a service that is being upgraded or whose database restarts is back by then
RETRY_LIMIT_S = 900.0
# chosen: a service that has never answered is probably not there; with the last attempt that is told within 5 s
FIRST_RETRY_LIMIT_S = 1.5
# chosen: rates are per minute; a lock-out is a quarter of an hour, and whoever has the wrong password waits in vain
MAX_WAIT_S = 60.0
START_LIMIT_S = 4.5  # for one that takes the connection and says nothing


class RetriesExhausted(click.ClickException):
    """The service was unreachable, or kept failing, for longer than the retry limit."""


class LockedOut(click.ClickException):
    """The service wants to be left alone for longer than a command waits: after wrong passwords, mostly."""

    exit_code = 2


class NotReached(click.ClickException):
    """The service did not answer, or can't work, before anything was started."""

    exit_code = 2


@asynccontextmanager
async def opened(
    target: ServiceTarget, notify: Callable[[str], None], retry_limit_s: float = RETRY_LIMIT_S
) -> AsyncIterator[AsyncClient]:
    """Open a client. notify: is called with why a call waits.

    Of several errors at once, which are mostly the same, one is raised: Rejected, or what the terminal shows.
    """
    client = AsyncClient(
        target.url,
        api_key=target.api_key,
        basic_auth=None if target.api_key else (target.user, target.password),
        # A service that says that it is busy is up and working.
        retries=Retries(retry_limit_s, FIRST_RETRY_LIMIT_S, math.inf, notify, MAX_WAIT_S),
        timeout=httpx.Timeout(RESPONSE_TIMEOUT_S, connect=CONNECT_TIMEOUT_S, pool=None),
    )
    async with client:
        try:
            yield client
        except Exception as error:
            raise _for_terminal(_first_error(error), target) from error


def request(url: str | None, call: Callable[[AsyncClient], Coroutine[Any, Any, Result]]) -> Result:
    """Make one request to the service that the command names."""
    try:
        return run(targets.chosen(url), call)
    except Rejected as error:
        raise click.ClickException(terminals.printable(str(error))) from error


def run(target: ServiceTarget, call: Callable[[AsyncClient], Coroutine[Any, Any, Result]]) -> Result:
    """Open a client for some calls, and close it; Rejected, or what the terminal shows."""

    async def made() -> Result:
        async with opened(target, lambda line: terminals.echo(line, err=True)) as client:
            return await call(client)

    return asyncio.run(made())


async def check(target: ServiceTarget, call: Callable[[AsyncClient], Awaitable[Any]]) -> None:
    """Find out within seconds whether a call can be made there: NoAccess or NotReached, with what to check."""
    waits: list[str] = []
    try:
        async with opened(target, waits.append, START_LIMIT_S) as client, asyncio.timeout(START_LIMIT_S):
            await call(client)
    except (TimeoutError, RetriesExhausted, Rejected) as error:
        reason = waits[-1].removeprefix("waiting: ") if waits else str(error) or "there is no answer"
        raise NotReached(f"{target.url}: {reason}\n{_what_to_check(target)}") from error


def _for_terminal(error: Exception, target: ServiceTarget) -> Exception:
    if isinstance(error, AccessRefused):
        hint = f"check {target.credentials}, and that --url is the service you mean"
        return NoAccess(f"{target.url}: {error}\n{hint}")
    if isinstance(error, Unavailable) and (error.retry_after_s or 0) > MAX_WAIT_S:
        return LockedOut(_locked_out(error, target))
    if isinstance(error, Unavailable) and not error.has_answered:
        return NotReached(f"{target.url}: {error.detail}\n{_what_to_check(target)}")
    if isinstance(error, Unavailable):
        return RetriesExhausted(f"{target.url}: {error.detail}")
    return error


def _locked_out(error: Unavailable, target: ServiceTarget) -> str:
    """Say until when a service refuses to be asked, by this machine's clock and rounded up, and what ends it."""
    until = datetime.now(UTC).astimezone() + timedelta(seconds=error.retry_after_s or 0, minutes=1)
    said = f"{target.url}: {error.detail}"
    if target.api_key:
        return f"{said}: it can be asked again at {until:%H:%M}"
    unlock = "`face-api admin unlock` on the service's machine ends that at once"
    return f"{said}: locked out until {until:%H:%M}\ncheck {target.credentials}; {unlock}"


def _first_error(error: Exception) -> Exception:
    """Return one error of a nested group."""
    return _first_error(error.exceptions[0]) if isinstance(error, ExceptionGroup) else error


def _what_to_check(target: ServiceTarget) -> str:
    return f"check that --url or FACE_API_URL is right, and that {target.url}/health answers"
