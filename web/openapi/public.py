"""The OpenAPI document of the public API beside its schemas: errors, headers, authentication."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from flask_openapi3.models.info import Info
from flask_openapi3.models.license import License
from flask_openapi3.models.server import Server
from pydantic import BaseModel

from core import errors
from core.errors import FaceApiError
from core.errors.problems import FieldProblem
from web.auth.cookies import SECURE_PREFIX
from web.auth.cookies import SESSION as COOKIE
from web.errors import MEDIA_TYPE, STATUS, body
from web.openapi.examples import AN_ID, REQUEST_ID
from web.schemas.detect import DetectResponse, HealthResponse, ProbeResponse

Responses = dict[str | int | HTTPStatus, type[BaseModel] | dict[Any, Any] | None]

INFO = Info(
    title="Face API",
    version="0.1.0",
    summary="Finds the faces in pictures and videos and masks them.",
    description="Errors are `application/problem+json` (RFC 9457); `code` is what a program should check.",
    license=License(name="MIT", identifier="MIT"),
)
# Relative to the address that the description has: it is right behind every proxy.
SERVER = Server(url="/", description="The service that this description comes from.")
SECURITY_SCHEMES: dict[str, Any] = {
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "adminCookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": f"Set on login; `{SECURE_PREFIX}{COOKIE}` on https.",
    },
    "adminBasic": {"type": "http", "scheme": "basic", "description": "The administrator's name and password."},
}

RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
CHALLENGE = {"WWW-Authenticate": {"description": "How to authenticate.", "schema": {"type": "string"}}}
TOO_HIGH = "Input should be less than or equal to 1"
OUT_OF_RANGE = errors.InvalidOption(f"confidence: {TOO_HIGH}", problems=(FieldProblem("confidence", TOO_HIGH),))
# What a status means, an error as its example, and its own headers.
ErrorCase = tuple[str, FaceApiError, dict[str, Any]]
REFUSED_KEY: ErrorCase = (
    "The API key has been revoked or has expired, lacks the scope, or may not be used from this address.",
    errors.MissingScope("this API key lacks the scope batch, which an owner gives it on the console's page Keys"),
    {},
)
IMAGE_ERRORS: tuple[ErrorCase, ...] = (
    ("The body can't be read as multipart/form-data.", errors.UnreadableRequest(), {}),
    ("No API key, or one that is not known.", errors.Unauthenticated("this API key is not known"), CHALLENGE),
    REFUSED_KEY,
    ("The body, or the picture, is too large.", errors.UploadTooLarge("the largest body is 26214400 bytes"), {}),
    ("Not a JPEG, PNG, WebP, BMP, TIFF, HEIC or AVIF file, judged by its content.", errors.UnsupportedImage(), {}),
    (
        "A parameter is not valid, the file is missing, or it does not decode completely.",
        OUT_OF_RANGE,
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
# Before any route is known: what the server itself refuses.
REQUEST_LINE: tuple[ErrorCase, ...] = (
    ("The request did not arrive in time.", errors.RequestTooSlow(), {}),
    ("The address is too long.", errors.AddressTooLong(), {}),
    ("The headers are too large.", errors.HeadersTooLarge(), {}),
)
STORED = "When the result was stored: the id of its {}."
MASK_HEADERS: dict[str, tuple[str, str]] = {
    "X-Face-Count": ("integer", "Faces found and masked."),
    "X-Kept-Faces": ("integer", "Faces found in `keep_regions`, and left as they are."),
    "X-Inference-Ms": ("number", "Milliseconds of inference."),
    "X-Mask-Ms": ("number", "Milliseconds of masking."),
    "X-Encode-Ms": ("number", "Milliseconds of encoding."),
    "X-Total-Ms": ("number", "Milliseconds from the upload to the response."),
    "X-Model": ("string", "The model that detected the faces."),
    "X-Image-Id": ("string", STORED.format("image")),
    "X-Job-Id": ("string", STORED.format("job")),
    "X-Metadata-Removed": (
        "string",
        "Metadata of the upload that was removed, by name; absent when there was none.",
    ),
    "X-Doubtful-Faces": ("integer", "How many of the faces are doubtful: masked, though less sure than `confidence`."),
    "X-Smallest-Face": ("number", "The longer side, in pixels, of the smallest face that was seen reliably."),
    "X-Mask-Effective-Strength": ("integer", "The largest strength used; never weaker than hides a face of that size."),
    "X-Residual-Faces": ("integer", "When the masked picture was searched again: 0."),
}


def problems(cases: Iterable[ErrorCase] = IMAGE_ERRORS) -> Responses:
    """Describe the error responses of an endpoint; of two with one status the later counts."""
    return {
        str(STATUS[type(error)]): {
            "description": meaning,
            "headers": {**REQUEST_ID, **headers},
            "content": {
                MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": body(error, AN_ID)}
            },
        }
        for meaning, error, headers in (*cases, *REQUEST_LINE)
    }


def _headers(headers: dict[str, tuple[str, str]]) -> dict[str, Any]:
    return {name: {"description": meaning, "schema": {"type": kind}} for name, (kind, meaning) in headers.items()}


REPEATED: ErrorCase = ("A parameter is given more than once.", OUT_OF_RANGE, {})
HEALTH: Responses = {"200": HealthResponse, "503": HealthResponse, **problems((REPEATED,))}
LIVE: Responses = {"200": ProbeResponse, **problems((REPEATED,))}
READY: Responses = {"200": ProbeResponse, "503": ProbeResponse, **problems((REPEATED,))}
DETECT: Responses = {"200": DetectResponse, **problems()}
RESIDUAL_FACE: ErrorCase = (
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
    **problems((*IMAGE_ERRORS, RESIDUAL_FACE)),
}
