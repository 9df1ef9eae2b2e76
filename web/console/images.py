"""Pictures that were kept: all of them, and one."""

from collections.abc import Sequence
from typing import Annotated

from flask import Blueprint, Response
from pydantic import Field

from core.contract.models import FrozenModel
from core.errors import NotFound
from core.records import records
from core.records.rows import StoredJob
from web import current
from web.auth import guards
from web.console import ids, overlays, pages, pagination

images = Blueprint("images", __name__)


class ImagesQuery(FrozenModel):
    page: Annotated[int, Field(ge=1)] = 1
    per_page: Annotated[int, Field(ge=1, le=100)] = 24


class ImageQuery(FrozenModel):
    job: str = ""


@images.get("/images")
@guards.page("storage")
def show_all() -> Response:
    """Show a page of all pictures, each beside its newest result."""
    query = pagination.read(ImagesQuery)
    with current.session() as session:
        found = records.page_images(session, query.page, query.per_page)
    return pages.render("images.html", pager=pagination.pager(found), found=found)


@images.get("/images/<image_id>")
@guards.page("storage")
def show(image_id: str) -> Response:
    """Show one picture: before and after, with the faces that one of its jobs found."""
    query = pagination.read(ImageQuery)
    with current.session() as session:
        found = records.get_image(session, ids.read(image_id))
        chosen = _chosen(found.jobs, query.job)
        detail = records.get_job(session, chosen.id) if chosen else None
    faces = overlays.faces(detail.detections if detail else None)
    after = chosen if chosen and chosen.processed_s3_key else None
    drawing = overlays.Drawing(found.image.width, found.image.height, faces)
    return pages.render("image.html", found=found, chosen=chosen, after=after, drawing=drawing)


def _chosen(jobs: Sequence[StoredJob], wanted: str) -> StoredJob | None:
    """Return the job that is named, else the newest with a result, else the newest."""
    if wanted:
        named = next((job for job in jobs if job.id == ids.read(wanted)), None)
        if named is None:
            raise NotFound(f"there is no job {wanted} of this image")
        return named
    return next((job for job in jobs if job.processed_s3_key), jobs[0] if jobs else None)
