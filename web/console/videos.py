"""Videos: the list, the form that uploads one, and one video with its progress and both players."""

import mimetypes
from typing import Annotated
from urllib.parse import urlsplit

from flask import Blueprint, Response, redirect
from pydantic import Field
from werkzeug.wrappers import Response as BaseResponse

from core.batches.videos import lifecycle
from core.contract import fields, states
from core.contract.deeds import Deed
from core.contract.models import FrozenModel
from core.contract.video_options import FileOptions, VideoQuery
from core.database.models import Video
from core.errors import NotFound
from web import current, links
from web.auth import guards, trails
from web.console import pages, pagination
from web.schemas import ids
from web.schemas.common import inline
from web.schemas.videos import VideoResponse

videos = Blueprint("videos", __name__)
UNFINISHED = ("queued", "probing", "detecting", "linking", "rendering")
MASKING = ("method", "strength", "cover", "padding", "verify", "doubtful")
LEFT_OUT = {"webhook_url", "max_faces"}


class VideosQuery(FrozenModel):
    page: Annotated[int, Field(ge=1)] = 1
    per_page: Annotated[int, Field(ge=1, le=100)] = 20
    status: Annotated[states.VideoStatus | None, inline(states.VideoStatus)] = None


@videos.get("/videos")
@guards.page("storage")
def show_all() -> Response:
    """Show a page of the videos, newest first."""
    query = pagination.read_query(VideosQuery)
    with current.session() as session:
        page = lifecycle.page(session, query.page, query.per_page, query.status)
        rows = lifecycle.progress(session, page.items)
    return pages.render("videos.html", pager=pagination.pager(page), page=page, rows=rows, query=query)


@videos.get("/videos/new")
@guards.page("storage")
def show_form() -> Response:
    """Show the form for a new video; its script sends it to the API."""
    options = [option for option in fields.describe(VideoQuery) if option.name not in LEFT_OUT]
    groups = {
        "file": [option for option in options if option.name in FileOptions.model_fields],
        "masking": [option for option in options if option.name in MASKING],
        "detection": [option for option in options if option.name not in {*FileOptions.model_fields, *MASKING}],
    }
    return pages.render("video_new.html", groups=groups, limit=current.services().settings.max_video_bytes)


@videos.get("/videos/<video_id>")
@guards.page("storage")
def show(video_id: str) -> Response:
    """Show a video: its progress, or its players."""
    video = _found(video_id)
    with current.session() as session:
        (progress,) = lifecycle.progress(session, [video])
    options = VideoResponse.of(progress).options
    response = pages.render("video.html", progress=progress, options=options, unfinished=UNFINISHED)
    # Videos come from where links lead: from this service, or from the S3 server.
    link = urlsplit(_original(video))
    sources = {"'self'", f"{link.scheme}://{link.netloc}"}
    response.headers["Content-Security-Policy"] = f"{pages.policy()}; media-src {' '.join(sorted(sources))}"
    return response


@videos.get("/videos/<video_id>/original")
@guards.page("storage")
def get_original(video_id: str) -> BaseResponse:
    """Redirect to the video as it was sent, which is recorded."""
    video = _found(video_id)
    trails.note_original(Deed.ORIGINAL_LINKED, video.id)
    return redirect(_original(video))


@videos.get("/videos/<video_id>/masked")
@guards.page("storage")
def get_masked(video_id: str) -> BaseResponse:
    """Redirect to the masked video."""
    video = _found(video_id)
    if video.result_key is None:
        raise NotFound("this video has no result")
    return redirect(links.masked_video(video, "inline"))


def _found(video_id: str) -> Video:
    with current.session() as session:
        return lifecycle.get(session, ids.parse(video_id))


def _original(video: Video) -> str:
    return links.original_video(video, mimetypes.guess_type(video.filename)[0] or "video/mp4")
