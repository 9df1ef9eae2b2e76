"""What the OpenAPI description says beside the models: errors, headers, examples, how to authenticate."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel

from core import errors
from core.errors import FaceApiError, FieldProblem
from web.auth.admins import COOKIE
from web.errors import MEDIA_TYPE, STATUS, body
from web.openapi.examples import AN_ID, REQUEST_ID
from web.schemas.detect import DetectResponse, HealthResponse

Responses = dict[str | int | HTTPStatus, type[BaseModel] | dict[Any, Any] | None]

BY_KEY: list[dict[str, list[Any]]] = [{"apiKey": []}]
SECURITY_SCHEMES: dict[str, Any] = {
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "adminCookie": {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": "Set by logging in."},
    "adminBasic": {"type": "http", "scheme": "basic", "description": "The administrator's name and password."},
}

RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
CHALLENGE = {"WWW-Authenticate": {"description": "How to authenticate.", "schema": {"type": "string"}}}
TOO_HIGH = "Input should be less than or equal to 1"
# What a status means, one error as an example of it, and its own headers.
Cause = tuple[str, FaceApiError, dict[str, Any]]
CAUSES: tuple[Cause, ...] = (
    ("The body can't be read as multipart/form-data.", errors.UnreadableRequest(), {}),
    ("No API key, or one that is not known.", errors.Unauthenticated("this API key is not known"), CHALLENGE),
    ("The API key has been revoked.", errors.KeyRevoked(), {}),
    ("The body, or the picture, is too large.", errors.UploadTooLarge("the largest body is 26214400 bytes"), {}),
    ("Not a JPEG, PNG, WebP, BMP, TIFF, HEIC or AVIF file, judged by its content.", errors.UnsupportedImage(), {}),
    (
        "A parameter is not valid, the file is missing, or it does not decode completely.",
        errors.InvalidOption(f"confidence: {TOO_HIGH}", problems=(FieldProblem("confidence", TOO_HIGH),)),
        {},
    ),
    ("Over the rate limit.", errors.RateLimited("the limit is 300 per 1 minute"), RETRY_AFTER),
    ("Something went wrong inside the service.", errors.InternalError(), {}),
    (
        "The engine can't be reached, or too many calls are waiting.",
        errors.QueueFull("64 calls are waiting already"),
        RETRY_AFTER,
    ),
    ("The job took too long.", errors.JobTimedOut("there was no answer within 30 s"), {}),
)
PERSISTED = "When the result was kept: the id of its {}."
MASK_HEADERS: dict[str, tuple[str, str]] = {
    "X-Face-Count": ("integer", "Faces found, and so masked."),
    "X-Inference-Ms": ("number", "Milliseconds in the network."),
    "X-Mask-Ms": ("number", "Milliseconds of masking."),
    "X-Encode-Ms": ("number", "Milliseconds of encoding."),
    "X-Total-Ms": ("number", "Milliseconds from the upload to the answer."),
    "X-Model": ("string", "The model that looked for faces."),
    "X-Image-Id": ("string", PERSISTED.format("image")),
    "X-Job-Id": ("string", PERSISTED.format("job")),
    "X-Metadata-Removed": ("string", "What the file held beside its picture, by name; absent where that was nothing."),
    "X-Mask-Effective-Strength": ("integer", "The largest strength used; never weaker than hides a face of that size."),
    "X-Residual-Faces": ("integer", "Where the masked picture was searched again: 0."),
}


def problems(causes: Iterable[Cause] = CAUSES) -> Responses:
    """Describe the errors that an endpoint answers; of two with one status the later."""
    return {
        str(STATUS[type(error)]): {
            "description": cause,
            "headers": {**REQUEST_ID, **headers},
            "content": {
                MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": body(error, AN_ID)}
            },
        }
        for cause, error, headers in causes
    }


def _headers(named: dict[str, tuple[str, str]]) -> dict[str, Any]:
    return {name: {"description": meaning, "schema": {"type": kind}} for name, (kind, meaning) in named.items()}


HEALTH: Responses = {"200": HealthResponse, "503": HealthResponse}
DETECT: Responses = {"200": DetectResponse, **problems()}
UNMASKABLE: Cause = (
    "A parameter is not valid, the file is missing or does not decode, or a face is still found after masking.",
    errors.ResidualFace(),
    {},
)
MASK: Responses = {
    "200": {
        "description": "The masked picture.",
        "headers": {**REQUEST_ID, **_headers(MASK_HEADERS)},
        "content": {
            kind: {"schema": {"type": "string", "format": "binary"}}
            for kind in ("image/jpeg", "image/png", "image/webp")
        },
    },
    **problems((*CAUSES, UNMASKABLE)),
}
