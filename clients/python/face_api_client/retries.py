"""Which calls are made again, when, and for how long."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from face_api_client import responses
from face_api_client.errors import ApiError, Rejected, Unavailable

FIRST_BACKOFF_S, MAX_BACKOFF_S = 0.5, 20.0
BUSY_CODES = {"rate_limited", "queue_full"}
INTERNAL_ERROR = 500
MAX_INTERNAL_ERRORS = 3  # a defect stays one, and a process that has died is back by then
# The service answers so before it has done anything.
REFUSING_STATUSES = {429, 503}
# The service can't have received all of the call: nothing was done.
UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.WriteError, httpx.WriteTimeout)


def _silent(_reason: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Retries:
    """How long a call is made again that may succeed later; 0 for never.

    limit_s: while the service fails or can't be reached. first_limit_s: while it has never answered.
    busy_limit_s: while it says that it works, and is busy. on_wait: is told why a call waits. max_wait_s: a longer
    `Retry-After` is not waited for; chosen: rates are per minute, and waiting mends no wrong password.
    """

    limit_s: float = 60.0
    first_limit_s: float = 5.0
    busy_limit_s: float = 600.0
    on_wait: Callable[[str], None] = _silent
    max_wait_s: float = 60.0


DEFAULT = Retries()


@dataclass
class ServiceState:
    """What the calls of one client have learnt of the service."""

    has_answered: bool = False
    paused_until: float = 0.0  # it has asked for a pause of all calls


@dataclass(frozen=True)
class FailedAttempt:
    """An attempt that failed. is_undone: the service has certainly done nothing."""

    error: ApiError
    is_undone: bool

    @classmethod
    def of_response(cls, response: httpx.Response) -> "FailedAttempt":
        error = responses.error_of(response)
        error.retry_after_s = retry_after_s(response.headers.get("Retry-After", ""))
        return cls(error, response.status_code in REFUSING_STATUSES)

    @classmethod
    def of_transport(cls, error: httpx.TransportError) -> "FailedAttempt":
        if isinstance(error, httpx.LocalProtocolError):  # the file has grown or shrunk since it was opened
            return cls(Rejected("changed_meanwhile", "the file changed while it was uploaded"), True)
        words = f"the service can't be reached: {str(error) or type(error).__name__}"
        return cls(Unavailable("unreachable", words), isinstance(error, UNSENT))


@dataclass
class Attempts:
    """The attempts of one call. is_repeatable: whether the service may have done it, and be asked again."""

    retries: Retries
    state: ServiceState
    is_repeatable: bool
    _since: float = field(init=False)
    _busy_since: float | None = None
    _count: int = 0
    _internal_errors: int = 0

    def __post_init__(self) -> None:
        self._since = time.monotonic()

    def pause_s(self) -> float:
        """Return how long the next attempt has to wait, since the service has asked for it."""
        return max(0.0, self.state.paused_until - time.monotonic())

    def succeeded(self) -> None:
        self.state.has_answered = True

    def failed(self, failure: FailedAttempt, cause: Exception | None = None) -> float:
        """Return how long to wait before the next attempt; raise the error when there is none."""
        error = failure.error
        self.state.has_answered |= error.status is not None
        self._internal_errors += error.status == INTERNAL_ERROR
        if isinstance(error, Unavailable):
            error.has_answered = self.state.has_answered
        if not self._goes_on(failure):
            raise error from cause
        self.retries.on_wait(f"waiting: {error.detail}")
        if error.retry_after_s:
            self.state.paused_until = max(self.state.paused_until, time.monotonic() + error.retry_after_s)
            return 0.0
        backoff_s: float = min(FIRST_BACKOFF_S * 2**self._count, MAX_BACKOFF_S)
        self._count = min(self._count + 1, 10)
        return backoff_s * random.uniform(0.5, 1)  # noqa: S311 - jitter, so that not all come at once

    def _goes_on(self, failure: FailedAttempt) -> bool:
        if not (self.is_repeatable or failure.is_undone):
            return False
        if failure.error.status == INTERNAL_ERROR:
            return self._internal_errors < MAX_INTERNAL_ERRORS and self.retries.limit_s > 0
        if not isinstance(failure.error, Unavailable) or (failure.error.retry_after_s or 0) > self.retries.max_wait_s:
            return False
        now = time.monotonic()
        if failure.error.code in BUSY_CODES:
            self._since, self._busy_since = now, self._busy_since or now
            return now - self._busy_since < self.retries.busy_limit_s
        self._busy_since = None
        limit_s = self.retries.limit_s if self.state.has_answered else self.retries.first_limit_s
        return now - self._since < limit_s


def retry_after_s(header: str) -> float | None:
    """Parse a Retry-After header, seconds or a date; None for anything else."""
    if header.isdecimal():
        return float(header)
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
