"""The OpenAPI document of batches beside its schemas."""

from typing import Any

from core import errors
from web.openapi.admin import ADMIN, BODY, TIER, UNKNOWN, UNSAFE, empty
from web.openapi.batch_examples import A_RESULT
from web.openapi.examples import REQUEST_ID
from web.openapi.public import RETRY_AFTER, ErrorCase, Responses, problems
from web.schemas.batches import BatchResponse, ReceiptResponse

CLOSED: ErrorCase = ("The batch is closed to new pictures, or was cancelled.", errors.BatchClosed(), {})
UNFINISHED: ErrorCase = ("The batch is not finished: cancel it first.", errors.BatchUnfinished(), {})
UPLOAD: tuple[ErrorCase, ...] = (
    ("The body can't be read as multipart/form-data.", errors.UnreadableRequest(), {}),
    ("The body is too large.", errors.UploadTooLarge("the largest body is 26214400 bytes"), {}),
    (
        "Too many pictures are queued, or a part of the service can't be reached: retry the same upload later.",
        errors.QueueFull("100000 pictures of batches are waiting"),
        RETRY_AFTER,
    ),
)
# By hand: the framework would refuse a request for its other headers.
IDEMPOTENT: dict[str, Any] = {
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "description": "A repeated call with the same key returns the batch that exists already.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
        }
    ]
}
CREATED: Responses = {"201": BatchResponse, **problems((*ADMIN, TIER, *BODY, UNSAFE))}
UPLOADED: Responses = {"202": ReceiptResponse, **problems((*ADMIN, TIER, UNSAFE, UNKNOWN, CLOSED, *UPLOAD))}
CHANGED: Responses = {"200": BatchResponse, **problems((*ADMIN, TIER, UNSAFE, UNKNOWN))}
NOTED: Responses = {"200": BatchResponse, **problems((*ADMIN, TIER, UNSAFE, UNKNOWN, CLOSED, *BODY))}
DELETED: Responses = {"204": empty("Deleted."), **problems((*ADMIN, TIER, UNSAFE, UNKNOWN, UNFINISHED))}
RETRIED: Responses = {"200": BatchResponse, **problems((*ADMIN, TIER, UNSAFE, UNKNOWN, CLOSED))}

EVENT_STREAM = "text/event-stream"
STREAMS: ErrorCase = (
    "Too many downloads and event streams are open, or a part of the service can't be reached.",
    errors.TooManyStreams("too many downloads and event streams are open"),
    RETRY_AFTER,
)
BINARY = {"schema": {"type": "string", "format": "binary"}}


def _content(meaning: str, content: dict[str, Any]) -> dict[str, Any]:
    return {"description": meaning, "headers": REQUEST_ID, "content": content}


RESULTS: Responses = {
    "200": _content("The archive.", {"application/zip": BINARY}),
    **problems((*ADMIN, TIER, UNKNOWN, STREAMS)),
}
RESULT: Responses = {
    "200": _content(
        "The masked picture; for a detection, its entry of the manifest.",
        {
            **{f"image/{kind}": BINARY for kind in ("jpeg", "png", "webp")},
            "application/json": {"schema": {"type": "object"}, "example": A_RESULT},
        },
    ),
    **problems((*ADMIN, TIER, UNKNOWN)),
}
AUDIT_LINES: Responses = {
    "200": _content("The records.", {"application/jsonl": {"schema": {"type": "string"}}}),
    **problems((*ADMIN, TIER, STREAMS)),
}
EVENTS: Responses = {
    "200": _content("The events.", {EVENT_STREAM: {"example": "event: progress\ndata: {…}\n\n"}}),
    **problems((*ADMIN, TIER, UNKNOWN, STREAMS)),
}
