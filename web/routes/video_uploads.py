"""Videos that are uploaded in several requests, so that an interrupted upload goes on where it was."""

from http import HTTPStatus

from flask import Response, url_for
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from core.batches.videos import uploads
from core.batches.videos.uploads import VideoUpload
from core.errors import UploadTooLarge
from core.records import deletions
from core.storage import objects
from web import bodies, current
from web.auth import callers, guards
from web.openapi import videos as openapi
from web.schemas.video_uploads import UploadCreation, UploadPath, UploadResponse
from web.uploads import pieces

video_uploads = APIBlueprint(
    "video_uploads",
    __name__,
    url_prefix="/api/v1/videos/uploads",
    abp_tags=[Tag(name="Videos", description="Moving pictures, masked in the background.")],
)


@video_uploads.post("", summary="Begin an upload", responses=openapi.BEGUN)
@guards.admin_or_key("operator", "video", "storage")
def create_video_upload(body: UploadCreation) -> Response:
    """Begin to upload a video in pieces; `POST /videos` takes its id once all of them are there.

    What nothing is added to for a day is deleted.
    """
    largest = current.services().settings.max_video_bytes
    if body.size_bytes > largest:
        raise UploadTooLarge(f"the largest video is {largest} bytes")
    filename = objects.safe_filename(body.filename)
    with current.session() as session:
        upload = uploads.begin(session, current.store(), callers.sender(), filename, body.size_bytes)
    response = _respond(upload, HTTPStatus.CREATED)
    response.headers["Location"] = url_for("video_uploads.get_video_upload", upload_id=upload.id)
    return response


@video_uploads.get("/<upload_id>", summary="Show an upload", responses=openapi.UPLOAD_SHOWN)
@guards.admin_or_key("operator", "video", "storage")
def get_video_upload(path: UploadPath) -> Response:
    """Return how much of the file has arrived: the next piece begins there. `HEAD` has it in `Upload-Offset`."""
    return _respond(_found(path))


@video_uploads.patch(
    "/<upload_id>", summary="Add a piece", responses=openapi.PIECE_KEPT, openapi_extensions=openapi.PIECE
)
@guards.streamed
@guards.admin_or_key("operator", "video", "storage")
def append_to_video_upload(path: UploadPath) -> Response:
    """Add the body to the file, at the place that the header `Upload-Offset` names: where the upload is.

    A piece is kept whole or not at all, and has at least 5 MiB, but for the last.
    """
    upload = _found(path)
    with current.state().stream_slots.hold():
        offset = pieces.add(current.store(), upload)
    response = Response(status=HTTPStatus.NO_CONTENT)
    response.headers[pieces.OFFSET] = str(offset)
    return response


@video_uploads.delete("/<upload_id>", summary="Delete an upload", responses=openapi.DELETED)
@guards.admin_or_key("operator", "video", "storage")
def delete_video_upload(path: UploadPath) -> Response:
    """Delete what has arrived."""
    results = current.results()
    with current.translate_database_errors():
        deletions.discard(results.objects, results.sessions, _found(path).keys)
    return Response(status=HTTPStatus.NO_CONTENT)


def _found(path: UploadPath) -> VideoUpload:
    return uploads.find(current.store(), callers.sender(), path.upload_id)


def _respond(upload: VideoUpload, status: int = HTTPStatus.OK) -> Response:
    response = bodies.as_json(UploadResponse.of(upload), status)
    response.headers[pieces.OFFSET], response.headers[pieces.LENGTH] = str(upload.offset), str(upload.size_bytes)
    return response
