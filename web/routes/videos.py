"""Videos: uploaded, masked in the background, downloaded."""

import gzip
from collections.abc import Iterator
from contextlib import suppress
from http import HTTPStatus

from flask import Response, redirect, request, url_for
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from pydantic import ValidationError
from sqlalchemy.exc import IntegrityError
from werkzeug.wrappers import Response as BaseResponse

from core.batches.videos import lifecycle, objects
from core.batches.videos import uploads as in_pieces
from core.batches.videos.lifecycle import NewVideo, VideoSource
from core.contract.video_options import FileOptions, ResolvedVideoOptions, VideoQuery
from core.database.models import Video
from core.engine import defaults
from core.errors import NotFound
from core.records import deletions
from core.webhooks import events
from web import bodies, current, errors, links
from web.auth import callers, guards, origins
from web.openapi import videos as openapi
from web.schemas.videos import VideoAccepted, VideoCreation, VideoList, VideoListQuery, VideoPath, VideoResponse
from web.uploads import pieces
from web.uploads import videos as uploads

videos = APIBlueprint(
    "videos",
    __name__,
    url_prefix="/api/v1/videos",
    abp_tags=[Tag(name="Videos", description="Moving pictures, masked in the background.")],
)
JSON_LINES = "application/jsonl"
STEP_BYTES = 64 * 1024


@videos.post("", summary="Mask a video", responses=openapi.ACCEPTED, openapi_extensions=openapi.FORM)
@guards.streamed
@guards.admin_or_key("operator", "video", "storage")
def create_video(query: VideoQuery) -> Response:
    """Upload a video whose faces are masked in the background, or name one: in the bucket, or uploaded in pieces.

    It is accepted once it is stored; what its first bytes show not to be a video is refused at once.
    """
    settings = current.services().settings
    if query.webhook_url:
        events.validate_url(query.webhook_url, settings)
    options = ResolvedVideoOptions(
        **query.model_dump(include=set(FileOptions.model_fields)),
        mask=defaults.resolve(query.mask_query(), settings),
    )
    named = _named() if request.is_json else None
    if named and (before := _made_before(named)):
        return _accepted(before)
    try:
        source = _source(named, settings.max_video_bytes)
        new = NewVideo(source, options, api_key_id=callers.key_id(), webhook_url=query.webhook_url)
        with current.session() as session:
            video = lifecycle.create(session, new)
    except (IntegrityError, NotFound):  # another call may have made it of the same upload meanwhile
        if named and (before := _made_before(named)):
            return _accepted(before)
        raise
    deletions.discard(current.store(), current.results().sessions, source.leftovers, registered=True)
    current.services().engine.wake_video_workers()
    return _accepted(video)


@videos.get("", summary="List videos", responses=openapi.LISTED)
@guards.admin_or_key("viewer", "video", "storage")
def list_videos(query: VideoListQuery) -> Response:
    """List the videos of this key, or all for the administrator, newest first."""
    with current.session() as session:
        page = lifecycle.page(session, query.page, query.per_page, query.status, callers.shown_keys())
        progress = lifecycle.progress(session, page.items)
    return bodies.as_json(VideoList.of(page, map(VideoResponse.of, progress)))


@videos.get("/<video_id>", summary="Show a video", responses=openapi.SHOWN)
@guards.admin_or_key("viewer", "video", "storage")
def get_video(path: VideoPath) -> Response:
    """Return how far a video is."""
    return _respond(_found(path))


@videos.get("/<video_id>/result", summary="Download the masked video", responses=openapi.LINKED)
@guards.admin_or_key("viewer", "video", "storage")
def download_video(path: VideoPath) -> BaseResponse:
    """Redirect to the masked video by a private link that expires; 404 until it is completed."""
    video = _found(path)
    if video.result_key is None:
        raise NotFound(f"this video is {video.status}: there is no result")
    return redirect(links.masked_video(video))


@videos.get("/<video_id>/tracks", summary="Download the tracks", responses=openapi.TRACKS)
@guards.admin_or_key("viewer", "video", "storage")
def download_video_tracks(path: VideoPath) -> Response:
    """Stream what was masked, one line of JSON a frame; 404 until the video is completed.

    A face that was not seen in a frame, but before and after it, has `seen: false`; one that only the verification of
    the masked video has found has no `track_id`.
    """
    video = _found(path)
    if video.result_key is None:
        raise NotFound(f"this video is {video.status}: there are no tracks")
    if request.method == "HEAD":
        return Response(mimetype=JSON_LINES)
    return current.state().stream_slots.stream(_unpacked(objects.tracks(video.id)), JSON_LINES)


@videos.post("/<video_id>/cancel", summary="Cancel a video", responses=openapi.CHANGED)
@guards.admin_or_key("operator", "video", "storage")
def cancel_video(path: VideoPath) -> Response:
    """End a video; there will be no result. One that has ended stays as it is."""
    with current.session() as session:
        video = lifecycle.cancel(session, path.video_id)
    current.services().engine.wake_webhook_delivery()
    return _respond(video)


@videos.delete("/<video_id>", summary="Delete a video", responses=openapi.DELETED)
@guards.admin_or_key("operator", "video", "storage")
def delete_video(path: VideoPath) -> Response:
    """Delete a video with its upload, its result and its tracks; one that is being worked on is cancelled first.

    What the object store fails to delete now is deleted later. An object of the bucket that was named stays.
    """
    results = current.results()
    with current.session() as session:
        keys = lifecycle.remove(session, path.video_id)
    # What shows people, at once; what is left of the steps, maintenance deletes.
    private = [key for key in keys if "/parts/" not in key and not key.endswith(".json.gz")]
    with current.translate_database_errors():
        deletions.discard(results.objects, results.sessions, private, registered=True)
    return Response(status=HTTPStatus.NO_CONTENT)


def _found(path: VideoPath) -> Video:
    with current.session() as session:
        return lifecycle.get(session, path.video_id)


def _respond(video: Video) -> Response:
    with current.session() as session:
        (progress,) = lifecycle.progress(session, [video])
    return bodies.as_json(VideoResponse.of(progress))


def _accepted(video: Video) -> Response:
    status_url = origins.base_url() + url_for("videos.get_video", video_id=video.id)
    return bodies.as_json(VideoAccepted(id=video.id, status_url=status_url), HTTPStatus.ACCEPTED)


def _named() -> VideoCreation:
    """Return what the body names."""
    try:
        return VideoCreation.model_validate(request.get_json())
    except ValidationError as error:
        raise errors.invalid_option(error, VideoCreation) from error


def _made_before(named: VideoCreation) -> Video | None:
    """Return the video that was made of an upload before: the response to that got lost."""
    if named.upload_id is None:
        return None
    with suppress(NotFound), current.session() as session:
        video = lifecycle.get(session, named.upload_id)
        shown = callers.shown_keys()
        return video if shown is None or video.api_key_id in shown else None
    return None


def _source(named: VideoCreation | None, max_bytes: int) -> VideoSource:
    """Return the file of the body: sent with it, or what it names in the bucket or among the uploads of its sender."""
    store = current.store()
    if named and named.source_key is not None:
        return uploads.in_bucket(store, named.source_key, max_bytes)
    if named and named.upload_id is not None:
        return pieces.source(in_pieces.find(store, callers.sender(), named.upload_id))
    with current.state().stream_slots.hold():
        return uploads.store(store, max_bytes)


def _unpacked(key: str) -> Iterator[bytes]:
    with current.store().open(key) as packed, gzip.open(packed) as lines:
        while block := lines.read(STEP_BYTES):
            yield block
