"""Videos: the list, the form that uploads one, and one video with its progress and both players."""

import mimetypes
from typing import Annotated
from urllib.parse import urlsplit

from flask import Blueprint, Response

from core.batches.videos import lifecycle
from core.contract import fields, states
from core.contract.deeds import Deed
from core.contract.roles import Role
from core.contract.video_options import FileOptions, VideoQuery
from core.database.models import Video
from web import current, links
from web.auth import callers, guards, trails
from web.console import pages, pagination
from web.console.deliveries import ShownDeliveries
from web.schemas import ids
from web.schemas.common import Paging, inline
from web.schemas.videos import VideoResponse

videos = Blueprint("videos", __name__)
MASKING = ("method", "strength", "cover", "padding", "verify", "doubtful")
LEFT_OUT = {"webhook_url", "max_faces"}


class VideosQuery(Paging):
    status: Annotated[states.VideoStatus | None, inline(states.VideoStatus)] = None


@videos.get("/videos")
@guards.page("viewer", "storage")
def show_all() -> Response:
    """Show a page of the videos, newest first."""
    query = pagination.read_query(VideosQuery)
    with current.session() as session:
        page = lifecycle.page(session, query.page, query.per_page, query.status)
        rows = lifecycle.progress(session, page.items)
    return pages.render("videos.html", pager=pagination.pager(page), page=page, rows=rows, query=query)


@videos.get("/videos/new")
@guards.page("operator", "storage")
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
@guards.page("viewer", "storage")
def show(video_id: str) -> Response:
    """Show a video: its progress, or its players."""
    video = _found(video_id)
    with current.session() as session:
        (progress,) = lifecycle.progress(session, [video])
        deliveries = ShownDeliveries.of(session, "redeliver_video_delivery", video_id=video.id)
    options = VideoResponse.of(progress).options
    players = _players(video) if video.result_key else {}
    response = pages.render("video.html", progress=progress, options=options, players=players, deliveries=deliveries)
    # Videos come from where links lead: from this service, or from the S3 server.
    sources = {f"{link.scheme}://{link.netloc}" for link in map(urlsplit, players.values())} or {"'none'"}
    response.headers["Content-Security-Policy"] = f"{pages.policy()}; media-src {' '.join(sorted(sources))}"
    return response


def _players(video: Video) -> dict[str, str]:
    """Return what the players play: the video masked, and as it was sent for whom may see that."""
    masked = {"masked": links.masked_video(video, "inline")}
    if not callers.may(Role.OPERATOR):
        return masked
    trails.note_original(Deed.ORIGINAL_VIEWED, video.id)
    return {"original": links.original_video(video, content_type(video.filename)), **masked}


def content_type(filename: str) -> str:
    """Return what a link says that a video is: never a page or a script, however its sender has called it."""
    guessed = mimetypes.guess_type(filename)[0] or ""
    return guessed if guessed.startswith("video/") else "video/mp4"


def _found(video_id: str) -> Video:
    with current.session() as session:
        return lifecycle.get(session, ids.parse(video_id))
