"""What the OpenAPI description says of batches beside the models."""

from core import errors
from web.admin_documentation import ADMIN, BODY, TIER, UNKNOWN, UNSAFE
from web.batch_schemas import BatchResponse, ReceiptResponse
from web.documentation import RETRY_AFTER, Cause, Responses, problems

CLOSED: Cause = ("The batch takes no more pictures, or was cancelled.", errors.BatchClosed(), {})
UPLOAD: tuple[Cause, ...] = (
    ("The body can't be read as multipart/form-data.", errors.UnreadableRequest(), {}),
    ("The body is too large.", errors.UploadTooLarge("the largest body is 26214400 bytes"), {}),
    (
        "Too many pictures wait, or a part of the service can't be reached: send the same again after a while.",
        errors.QueueFull("100000 pictures of batches are waiting"),
        RETRY_AFTER,
    ),
)
CREATED: Responses = {"201": BatchResponse, **problems((*ADMIN, TIER, *BODY, UNSAFE))}
UPLOADED: Responses = {"202": ReceiptResponse, **problems((*ADMIN, TIER, UNSAFE, UNKNOWN, CLOSED, *UPLOAD))}
CHANGED: Responses = {"200": BatchResponse, **problems((*ADMIN, TIER, UNSAFE, UNKNOWN))}
RETRIED: Responses = {"200": BatchResponse, **problems((*ADMIN, TIER, UNSAFE, UNKNOWN, CLOSED))}
