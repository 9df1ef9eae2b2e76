"""What the OpenAPI description says beside the models: errors, headers, how to authenticate."""

from http import HTTPStatus
from typing import Any

from pydantic import BaseModel

from web.errors import MEDIA_TYPE
from web.schemas import HealthResponse

Responses = dict[str | int | HTTPStatus, type[BaseModel] | dict[Any, Any] | None]

BY_KEY: list[dict[str, list[Any]]] = [{"apiKey": []}]
SECURITY_SCHEMES: dict[str, Any] = {"apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"}}

RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
REQUEST_ID = {
    "X-Request-Id": {
        "description": "The request's id: the caller's own when that was a UUID.",
        "schema": {"type": "string", "format": "uuid"},
    }
}
CAUSES: dict[str, tuple[str, dict[str, Any]]] = {
    "400": ("The body can't be read as multipart/form-data.", {}),
    "401": ("No API key, or one that is not known.", {"WWW-Authenticate": {"schema": {"type": "string"}}}),
    "403": ("The API key has been revoked.", {}),
    "413": ("The body, or the picture, is too large.", {}),
    "415": ("Not a JPEG, PNG, WebP, BMP or TIFF file, judged by its content.", {}),
    "422": ("A parameter is not valid, the file is missing, or it does not decode completely.", {}),
    "429": ("Over the rate limit.", RETRY_AFTER),
    "500": ("Something went wrong inside the service.", {}),
    "503": ("The engine can't be reached, or too many calls are waiting.", RETRY_AFTER),
    "504": ("The job took too long.", {}),
}
MASK_HEADERS: dict[str, tuple[str, str]] = {
    "X-Face-Count": ("integer", "Faces found, and so masked."),
    "X-Inference-Ms": ("number", "Milliseconds in the network."),
    "X-Mask-Ms": ("number", "Milliseconds of masking."),
    "X-Encode-Ms": ("number", "Milliseconds of encoding."),
    "X-Total-Ms": ("number", "Milliseconds from the upload to the answer."),
    "X-Model": ("string", "The model that looked for faces."),
    "X-Mask-Effective-Strength": ("integer", "The largest strength used; never weaker than hides a face of that size."),
}


def problems() -> Responses:
    """Describe every error that a public endpoint answers."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {
            "description": cause,
            "headers": {**REQUEST_ID, **headers},
            "content": {MEDIA_TYPE: {"schema": schema}},
        }
        for status, (cause, headers) in CAUSES.items()
    }


def answers(model: type[BaseModel]) -> Responses:
    """Describe an endpoint that answers a JSON model."""
    return {"200": model, **problems()}


HEALTH: Responses = {"200": HealthResponse, "503": HealthResponse}
MASKED: Responses = {
    "200": {
        "description": "The masked picture.",
        "headers": {
            **REQUEST_ID,
            **{
                name: {"description": meaning, "schema": {"type": kind}}
                for name, (kind, meaning) in MASK_HEADERS.items()
            },
        },
        "content": {
            kind: {"schema": {"type": "string", "format": "binary"}}
            for kind in ("image/jpeg", "image/png", "image/webp")
        },
    },
    **problems(),
}
