"""What a call can end with beside its result. All are ApiErrors.

ApiError
├── Rejected        an answer that a repeat won't change
├── AccessRefused   the credentials are wrong, or not enough
└── Unavailable     may succeed later; the client has tried for as long as it should
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class FieldProblem:
    """What is wrong with one option or form field."""

    field: str
    message: str


class ApiError(Exception):
    """Why a call failed. code: stable, for programs; detail: for people.

    status: of the answer, None without one. request_id: the service's, under which its log has the call.
    retry_after_s: when the service wants to be asked again, None where it doesn't say.
    """

    def __init__(self, code: str, detail: str, status: int | None = None) -> None:
        super().__init__(code, detail, status)
        self.code, self.detail, self.status = code, detail, status
        self.request_id: str | None = None
        self.retry_after_s: float | None = None
        self.problems: tuple[FieldProblem, ...] = ()

    def __str__(self) -> str:
        return f"{self.detail} ({self.code})"


class Rejected(ApiError):
    """An answer that a repeat won't change, such as an option that is out of range, or a picture that is none."""


class AccessRefused(ApiError):
    """The credentials are wrong, or not enough for this call."""


class Unavailable(ApiError):
    """No answer, or one that says to come back later, for longer than the client should repeat the call.

    has_answered: whether the service has ever answered this client; if not, it is probably not there.
    """

    has_answered: bool = False
