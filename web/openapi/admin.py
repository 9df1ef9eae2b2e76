"""The OpenAPI document of the admin API beside its schemas."""

from typing import Any

from pydantic import BaseModel

from core import errors
from core.errors.problems import FieldProblem
from web.auth import guards
from web.openapi.examples import A_LINK, AN_ID, REQUEST_ID
from web.openapi.public import (
    CHALLENGE,
    IMAGE_ERRORS,
    REFUSED_KEY,
    RESIDUAL_FACE,
    RETRY_AFTER,
    ErrorCase,
    Responses,
    problems,
)
from web.schemas.admins import EndedSessions
from web.schemas.records import JobDetailResponse

NO_DETECTION = FieldProblem("remove.0", "The job has no detection 7")
LOCKED_OUT = errors.RateLimited("too many failed logins", retry_after_s=900)
WRONG_CREDENTIALS = errors.Unauthenticated("the user name or the password is wrong")
NO_CREDENTIALS = errors.Unauthenticated(f"{guards.SEND_A_KEY}; as an administrator, {guards.LOG_IN}")
UNKNOWN_PARAMETER = errors.InvalidOption(
    "no parameters are taken here", problems=(FieldProblem("pgae", "There is no such parameter here"),)
)
INTERNAL: ErrorCase = ("Something went wrong inside the service.", errors.InternalError(), {})
UNAVAILABLE: ErrorCase = (
    "The administrator has no password, or a part of the service can't be reached.",
    errors.NoAdminPassword(),
    RETRY_AFTER,
)
COMMON: tuple[ErrorCase, ...] = (
    ("A parameter or member is not valid or not known.", UNKNOWN_PARAMETER, {}),
    INTERNAL,
    UNAVAILABLE,
)
ADMIN: tuple[ErrorCase, ...] = (
    *COMMON,
    (
        "Neither a session, nor the administrator's name and password, nor a known key.",
        NO_CREDENTIALS,
        CHALLENGE,
    ),
    REFUSED_KEY,
    ("Ten consecutive logins from this address have failed.", LOCKED_OUT, RETRY_AFTER),
)
UNSAFE: ErrorCase = (
    "A page of another site sent this request; or the API key may not be used for this, or no more, or not from here.",
    errors.CrossOrigin(),
    {},
)
KEY_ENDED: ErrorCase = ("The key is revoked, has expired, or was rotated before.", errors.KeyEnded(), {})
BODY: tuple[ErrorCase, ...] = (
    ("The body can't be read as JSON.", errors.UnreadableRequest("the body is not JSON"), {}),
    ("The body is too large.", errors.UploadTooLarge("the largest body is 65536 bytes"), {}),
)
UNKNOWN: ErrorCase = ("There is nothing under this id.", errors.NotFound(f"there is no image {AN_ID}"), {})
TIER: ErrorCase = (
    "This part of the service is switched off.",
    errors.FeatureDisabled("the storage is switched off"),
    {},
)
LIMITED: ErrorCase = ("Over the rate limit, or ten consecutive logins have failed.", LOCKED_OUT, RETRY_AFTER)


def empty(meaning: str) -> dict[str, Any]:
    """Describe a response without a body."""
    return {"description": meaning, "headers": REQUEST_ID}


def read(body: type[BaseModel], *more: ErrorCase) -> Responses:
    """Describe the response to a read, and its errors."""
    return {"200": body, **problems((*ADMIN, TIER, *more))}


LOCATION = {"description": "The link; it works for a while.", "schema": {"type": "string", "example": A_LINK}}
COOKIE_SET = {"description": "The session, or its end.", "schema": {"type": "string"}}
LOGIN: Responses = {
    "204": {"description": "Logged in.", "headers": {**REQUEST_ID, "Set-Cookie": COOKIE_SET}},
    **problems(
        (*COMMON, *BODY, ("The user name or the password is wrong.", WRONG_CREDENTIALS, CHALLENGE), UNSAFE, LIMITED)
    ),
}
LOGOUT: Responses = {
    "204": {"description": "Logged out.", "headers": {**REQUEST_ID, "Set-Cookie": COOKIE_SET}},
    **problems((*COMMON, UNSAFE)),
}
CHANGED_PASSWORD: Responses = {"204": empty("Changed."), **problems((*ADMIN, TIER, *BODY, UNSAFE))}
ENDED: Responses = {"200": EndedSessions, **problems((*ADMIN, TIER, UNSAFE))}
DOWNLOAD: Responses = {
    "302": {"description": "Where the picture is.", "headers": {**REQUEST_ID, "Location": LOCATION}},
    **problems((*ADMIN, TIER, UNKNOWN)),
}
DELETED: Responses = {"204": empty("Deleted."), **problems((*ADMIN, TIER, UNKNOWN, UNSAFE))}


def session(body: type[BaseModel]) -> Responses:
    """Describe the response about the session, and its errors."""
    return {"200": body, **problems(ADMIN)}


def write(status: int, body: type[BaseModel], *more: ErrorCase) -> Responses:
    """Describe the response to a JSON body, and its errors."""
    return {str(status): body, **problems((*ADMIN, TIER, *BODY, UNSAFE, *more))}


MISFIT: ErrorCase = (
    "A member is not valid or does not fit the job or the image, or the image does not decode or fit the format.",
    errors.InvalidOption("remove.0: The job has no detection 7", problems=(NO_DETECTION,)),
    {},
)
OVERLOADED: ErrorCase = (
    "The engine or the store can't be reached, or too many calls are waiting.",
    errors.QueueFull("64 calls are waiting already"),
    RETRY_AFTER,
)
TIMED_OUT: ErrorCase = ("The job took too long.", errors.JobTimedOut("there was no answer within 30 s"), {})
NEWER: ErrorCase = ("There is a newer result than `newest_job_id`.", errors.NewerResult(), {})
EDITED: Responses = write(201, JobDetailResponse, UNKNOWN, MISFIT, NEWER, OVERLOADED, TIMED_OUT)
NOT_UNDONE: ErrorCase = (
    "The job is no manual mask, replaced no result, or is not the image's newest result.",
    errors.NothingToUndo("there is a newer result"),
    {},
)
NOT_ACCEPTED: ErrorCase = (
    "The job is to be reopened, and nobody has accepted its faces.",
    errors.NothingToUndo("nobody has accepted the faces of this job"),
    {},
)
UNDONE: Responses = {"201": JobDetailResponse, **problems((*ADMIN, TIER, UNSAFE, UNKNOWN, NOT_UNDONE))}


def test_mask(body: type[BaseModel]) -> Responses:
    """Describe the response to an uploaded picture, and its errors."""
    return {"200": body, **problems((*IMAGE_ERRORS, *ADMIN, UNSAFE, RESIDUAL_FACE))}
