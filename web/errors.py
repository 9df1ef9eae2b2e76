"""Errors as responses: one table from class to status, one shape (RFC 9457) for every endpoint."""

import json
import re
from http import HTTPStatus
from typing import Any, cast

from flask import Flask, Response, g, request
from flask_limiter import RateLimitExceeded
from pydantic import BaseModel, Field, ValidationError
from werkzeug.exceptions import ClientDisconnected, HTTPException, MethodNotAllowed, NotFound, RequestEntityTooLarge

from core import errors
from core.contract import problems
from core.errors import FaceApiError, InternalError, InvalidOption
from core.observability import logs
from web.requests import REQUEST_ID
from web.schemas import unknown_names
from web.server.client_sockets import ClientTooSlow

log = logs.get(__name__)

STATUS: dict[type[FaceApiError], int] = {
    errors.UnreadableRequest: 400,
    errors.Unauthenticated: 401,
    errors.CodeRequired: 401,
    errors.BasicRefused: 403,
    errors.KeyRevoked: 403,
    errors.KeyExpired: 403,
    errors.MissingScope: 403,
    errors.MissingRole: 403,
    errors.NetworkNotAllowed: 403,
    errors.CrossOrigin: 403,
    errors.NotFound: 404,
    errors.MethodNotAllowed: 405,
    errors.RequestTooSlow: 408,
    errors.KeyEnded: 409,
    errors.BatchClosed: 409,
    errors.BatchUnfinished: 409,
    errors.NothingToUndo: 409,
    errors.NewerResult: 409,
    errors.UploadConflict: 409,
    errors.UploadTooLarge: 413,
    errors.ImageTooLarge: 413,
    errors.VideoTooLarge: 413,
    errors.AddressTooLong: 414,
    errors.UnsupportedImage: 415,
    errors.UnsupportedVideo: 415,
    errors.NoImage: 422,
    errors.NoVideo: 422,
    errors.InvalidOption: 422,
    errors.UndecodableImage: 422,
    errors.UnencodableImage: 422,
    errors.InvalidVideo: 422,
    errors.ResidualFace: 422,
    errors.RateLimited: 429,
    errors.HeadersTooLarge: 431,
    errors.InternalError: 500,
    errors.FeatureDisabled: 501,
    errors.EngineUnavailable: 503,
    errors.QueueFull: 503,
    errors.ServiceStopping: 503,
    errors.TooManyStreams: 503,
    errors.TooManyConnections: 503,
    errors.StorageUnavailable: 503,
    errors.DatabaseUnavailable: 503,
    errors.SessionsUnavailable: 503,
    errors.NoAdminPassword: 503,
    errors.ProviderUnavailable: 503,
    errors.JobTimedOut: 504,
}
HTTP_CASES: dict[int, type[FaceApiError]] = {
    400: errors.UnreadableRequest,
    404: errors.NotFound,
    405: errors.MethodNotAllowed,
    413: errors.UploadTooLarge,
}
NO_PICTURE = "Send multipart/form-data with the picture as the file `image`"
KNOWN_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]{1,60}")
MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 2
API_KEY_CHALLENGE = 'ApiKey realm="face-api", header="X-API-Key"'


class FieldProblemBody(BaseModel):
    """What is wrong with one parameter or form field."""

    field: str
    message: str


class Problem(BaseModel):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    code: str = Field(description="Stable: what a program should check.")
    request_id: str
    errors: list[FieldProblemBody] | None = Field(default=None, description="With 422: what is wrong, field by field.")


def register(app: Flask) -> None:
    """Give every error one shape: the service's, the framework's and the unexpected ones."""
    app.register_error_handler(FaceApiError, answer)
    app.register_error_handler(RateLimitExceeded, _rate_limited)
    app.register_error_handler(HTTPException, _http_exception)
    app.register_error_handler(Exception, _unexpected)


def answer(error: FaceApiError) -> Response:
    """Make the response of one of our errors; the cause of a 5xx is logged here, and nowhere else."""
    status = STATUS[type(error)]
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _log_cause(error)
    response = Response(json.dumps(body(error, g.request_id)), status, mimetype=MEDIA_TYPE)
    response.headers[REQUEST_ID] = g.request_id
    wait_s = error.retry_after_s or (RETRY_AFTER_S if status == HTTPStatus.SERVICE_UNAVAILABLE else None)
    if wait_s:
        g.retry_after_s = wait_s
    if status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = g.get("challenge", API_KEY_CHALLENGE)
    g.outcome = error.code
    return response


def body(error: FaceApiError, request_id: str) -> dict[str, Any]:
    """Return an error as the members of a Problem."""
    members: dict[str, Any] = {
        "type": f"urn:face-api:problem:{error.code}",
        "title": error.title,
        "status": STATUS[type(error)],
        "detail": error.detail,
        "code": error.code,
        "request_id": request_id,
    }
    if members["status"] == HTTPStatus.UNPROCESSABLE_ENTITY:
        members["errors"] = [vars(problem) for problem in error.problems]
    return members


def invalid(error: ValidationError) -> Response:
    """Respond to what pydantic found wrong with a query, a form or a body."""
    found = problems.of(error, messages={("image", "missing"): _no_picture()})
    found = unknown_names.explain(found, error.title)
    case = errors.NoImage if found[0].field == "image" else errors.InvalidOption
    return answer(case.of(found))


def invalid_option(error: ValidationError, model: type[BaseModel]) -> InvalidOption:
    """Make our error of what pydantic found wrong with a body that a route validates itself."""
    return InvalidOption.of(unknown_names.explain_in(problems.of(error), model))


def _no_picture() -> str:
    other = request.mimetype not in ("", "multipart/form-data")
    return NO_PICTURE + (f", not {request.mimetype}" if other and KNOWN_TYPE.fullmatch(request.mimetype) else "")


def _rate_limited(error: RateLimitExceeded) -> Response:
    return answer(errors.RateLimited(f"the limit is {error.limit.limit}"))


def _http_exception(error: HTTPException) -> Response:
    if error.response is not None and isinstance(error.response, Response):
        return error.response  # already one of ours: the validation's
    code = error.code or 500
    case = HTTP_CASES.get(code)
    if case is None and 300 <= code < 400:
        return cast(Response, Response.force_type(error.get_response(), request.environ))
    response = answer(_translate(error, case or (errors.UnreadableRequest if code < 500 else errors.InternalError)))
    if code == HTTPStatus.METHOD_NOT_ALLOWED:
        response.headers["Allow"] = dict(error.get_headers()).get("Allow", "")
    return response


def _translate(error: HTTPException, case: type[FaceApiError]) -> FaceApiError:
    if isinstance(error, ClientDisconnected) and isinstance(error.__context__, ClientTooSlow):
        return errors.RequestTooSlow("the body came too slowly")
    if isinstance(error, RequestEntityTooLarge):
        if 0 < (request.content_length or 0) <= (request.max_content_length or 0):
            return case("the form has too long a text or too many parts: send pictures as files of multipart/form-data")
        return case(f"the largest body is {request.max_content_length} bytes")
    if isinstance(error, NotFound) and request.url_rule is None:
        return case(f"there is nothing at this address: {unknown_names.near_address()}")
    if isinstance(error, MethodNotAllowed):
        taken = sorted({*(error.valid_methods or ())} - {"HEAD", "OPTIONS"})
        return case(f"this address takes {' and '.join(taken)}")
    return case()


def _unexpected(error: Exception) -> Response:
    return answer(internal(error))


def internal(defect: Exception) -> InternalError:
    """Make the error that a caller sees of a defect."""
    error = InternalError()
    error.__cause__ = defect
    return error


def _log_cause(error: FaceApiError) -> None:
    if isinstance(error, InternalError) and error.__cause__ is not None:
        log.error("request_failed", exc_info=error.__cause__)
    else:
        log.warning("request_not_served", reason=logs.reason(error))
