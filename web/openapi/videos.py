"""The OpenAPI document of videos beside its schemas."""

from typing import Any

from flask_openapi3.models.parameter import Parameter

from core import errors
from core.errors.problems import FieldProblem
from web.openapi.admin import ADMIN, BODY, TIER, UNKNOWN, UNSAFE, empty
from web.openapi.batches import BINARY
from web.openapi.examples import REQUEST_ID
from web.openapi.public import RETRY_AFTER, ErrorCase, Responses, problems
from web.openapi.video_examples import A_FRAME
from web.schemas.video_uploads import UploadResponse
from web.schemas.videos import VideoAccepted, VideoCreation, VideoList, VideoResponse

NOT_A_VIDEO = FieldProblem("video", "the file is empty")
UPLOAD: tuple[ErrorCase, ...] = (
    ("The body can't be read as multipart/form-data or JSON.", errors.UnreadableRequest(), {}),
    ("The video is too large.", errors.UploadTooLarge("the largest video is 2147483648 bytes"), {}),
    ("Not an MP4, MOV, Matroska or WebM file, judged by its content.", errors.UnsupportedVideo(), {}),
    ("A parameter is not valid, or the file is missing.", errors.NoVideo(problems=(NOT_A_VIDEO,)), {}),
    (
        "Too many videos are being uploaded, or a part of the service can't be reached.",
        errors.TooManyStreams(),
        RETRY_AFTER,
    ),
)
CONFLICT: ErrorCase = (
    "The upload is at another place, or not complete.",
    errors.UploadConflict("the upload is at byte 16777216"),
    {},
)
ACCEPTED: Responses = {"202": VideoAccepted, **problems((*ADMIN, TIER, UNSAFE, UNKNOWN, CONFLICT, *UPLOAD))}
LISTED: Responses = {"200": VideoList, **problems((*ADMIN, TIER))}
SHOWN: Responses = {"200": VideoResponse, **problems((*ADMIN, TIER, UNKNOWN))}
CHANGED: Responses = {"200": VideoResponse, **problems((*ADMIN, TIER, UNKNOWN, UNSAFE))}
DELETED: Responses = {"204": empty("Deleted."), **problems((*ADMIN, TIER, UNSAFE, UNKNOWN))}
LINKED: Responses = {
    "302": {
        "description": "To the masked video, by a private link that expires.",
        "headers": {**REQUEST_ID, "Location": {"description": "The link.", "schema": {"type": "string"}}},
    },
    **problems((*ADMIN, TIER, UNKNOWN)),
}
TRACKS: Responses = {
    "200": {
        "description": "The tracks.",
        "headers": REQUEST_ID,
        "content": {"application/jsonl": {"schema": {"type": "string"}, "example": A_FRAME}},
    },
    **problems((*ADMIN, TIER, UNKNOWN)),
}
AT = {"description": "How many bytes have arrived.", "schema": {"type": "integer"}}
SHORT: ErrorCase = (
    "A member, or a header, is not valid.",
    errors.InvalidOption.of([FieldProblem("Upload-Offset", "Send where the piece begins, in bytes, as this header")]),
    {},
)
BEGUN: Responses = {"201": UploadResponse, **problems((*ADMIN, TIER, UNSAFE, *BODY))}
UPLOAD_SHOWN: Responses = {"200": UploadResponse, **problems((*ADMIN, TIER, UNKNOWN))}
PIECE_KEPT: Responses = {
    "204": {"description": "Kept.", "headers": {**REQUEST_ID, "Upload-Offset": AT}},
    **problems((*ADMIN, TIER, UNSAFE, UNKNOWN, CONFLICT, *UPLOAD, SHORT)),
}
# By hand: the framework would read the body.
PIECE: dict[str, Any] = {"requestBody": {"required": True, "content": {"application/offset+octet-stream": BINARY}}}
OFFSET = Parameter.model_validate(
    {
        "name": "Upload-Offset",
        "in": "header",
        "required": True,
        "description": "Where the piece begins, in bytes.",
        "schema": {"type": "integer", "minimum": 0, "maximum": 2**53},
    }
)
# By hand: the framework would read the whole body for a form that it describes.
FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"video": BINARY["schema"]},
                    "required": ["video"],
                    "additionalProperties": False,
                }
            },
            "application/json": {"schema": VideoCreation.model_json_schema()},
        },
    }
}
