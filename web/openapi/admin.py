"""What the OpenAPI description says of the admin API beside the models."""

from typing import Any

from pydantic import BaseModel

from core import errors
from core.errors import FieldProblem
from web.openapi.examples import A_LINK, AN_ID, REQUEST_ID
from web.openapi.public import CAUSES, CHALLENGE, RETRY_AFTER, UNMASKABLE, Cause, Responses, problems
from web.schemas.records import JobDetailResponse

BY_ADMIN: list[dict[str, list[Any]]] = [{"adminCookie": []}, {"adminBasic": []}]

NO_DETECTION = FieldProblem("remove.0", "The job has no detection 7")
LOCKED_OUT = errors.RateLimited("too many failed logins from this address", retry_after_s=900)
WRONG = errors.Unauthenticated("the user name or the password is wrong")
NO_COOKIE = errors.Unauthenticated("log in, or send the administrator's name and password by HTTP Basic")
STRANGE = errors.InvalidOption(
    "no parameters are taken here", problems=(FieldProblem("pgae", "There is no such parameter here"),)
)
INTERNAL: Cause = ("Something went wrong inside the service.", errors.InternalError(), {})
OFF: Cause = (
    "There is no administrator's password, or a part of the service can't be reached.",
    errors.NoAdminPassword(),
    RETRY_AFTER,
)
DOOR: tuple[Cause, ...] = (("A parameter or member is not valid, or not known.", STRANGE, {}), INTERNAL, OFF)
ADMIN: tuple[Cause, ...] = (
    *DOOR,
    ("Neither a session nor the administrator's name and password.", NO_COOKIE, CHALLENGE),
    ("Ten logins in a row have failed from this address.", LOCKED_OUT, RETRY_AFTER),
)
UNSAFE: Cause = ("A page of another site has sent this.", errors.CrossOrigin(), {})
BODY: tuple[Cause, ...] = (
    ("The body can't be read as JSON.", errors.UnreadableRequest("the body is not JSON"), {}),
    ("The body is too large.", errors.UploadTooLarge("the largest body is 65536 bytes"), {}),
)
UNKNOWN: Cause = ("There is nothing under this id.", errors.NotFound(f"there is no image {AN_ID}"), {})
TIER: Cause = ("This part of the service is switched off.", errors.FeatureDisabled("the storage is switched off"), {})
LIMITED: Cause = ("Over the rate limit, or ten logins in a row have failed.", LOCKED_OUT, RETRY_AFTER)


def done(meaning: str) -> dict[str, Any]:
    """Describe an answer without a body."""
    return {"description": meaning, "headers": REQUEST_ID}


def found(body: type[BaseModel], *more: Cause) -> Responses:
    """Describe a read answer and its errors."""
    return {"200": body, **problems((*ADMIN, TIER, *more))}


LOCATION = {"description": "The link; it works for a while.", "schema": {"type": "string", "example": A_LINK}}
COOKIE_SET = {"description": "The session, or its end.", "schema": {"type": "string"}}
LOGIN: Responses = {
    "204": {"description": "Logged in.", "headers": {**REQUEST_ID, "Set-Cookie": COOKIE_SET}},
    **problems((*DOOR, *BODY, ("The user name or the password is wrong.", WRONG, CHALLENGE), UNSAFE, LIMITED)),
}
LOGOUT: Responses = {
    "204": {"description": "Logged out.", "headers": {**REQUEST_ID, "Set-Cookie": COOKIE_SET}},
    **problems((*DOOR, UNSAFE)),
}
DOWNLOAD: Responses = {
    "302": {"description": "Where the picture is.", "headers": {**REQUEST_ID, "Location": LOCATION}},
    **problems((*ADMIN, TIER, UNKNOWN)),
}
DELETED: Responses = {"204": done("It is gone."), **problems((*ADMIN, TIER, UNKNOWN, UNSAFE))}


def session(body: type[BaseModel]) -> Responses:
    return {"200": body, **problems(ADMIN)}


def written(status: int, body: type[BaseModel], *more: Cause) -> Responses:
    """Describe the answer to a JSON body, and its errors."""
    return {str(status): body, **problems((*ADMIN, TIER, *BODY, UNSAFE, *more))}


UNFIT: Cause = (
    "A member is not valid or does not fit the job or the picture, or that does not decode or fit the format.",
    errors.InvalidOption("remove.0: The job has no detection 7", problems=(NO_DETECTION,)),
    {},
)
BUSY: Cause = (
    "The engine or the store can't be reached, or too many calls are waiting.",
    errors.QueueFull("64 calls are waiting already"),
    RETRY_AFTER,
)
LATE: Cause = ("The job took too long.", errors.JobTimedOut("there was no answer within 30 s"), {})
EDITED: Responses = written(201, JobDetailResponse, UNKNOWN, UNFIT, BUSY, LATE)


def tried(body: type[BaseModel]) -> Responses:
    """Describe the answer to a picture, and its errors."""
    return {"200": body, **problems((*CAUSES, *ADMIN, UNSAFE, UNMASKABLE))}
