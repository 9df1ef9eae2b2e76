"""Stored images: the list, and one image with its jobs."""

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
from web.console import overlays, pages, pagination
from web.schemas import ids

images = Blueprint("images", __name__)


class ImagesQuery(FrozenModel):
    page: Annotated[int, Field(ge=1)] = 1
    per_page: Annotated[int, Field(ge=1, le=100)] = 24


class ImageQuery(FrozenModel):
    job: str = ""


@images.get("/images")
@guards.page("storage")
def show_all() -> Response:
    """Show a page of all images, each beside its newest result."""
    query = pagination.read_query(ImagesQuery)
    with current.session() as session:
        page = records.page_images(session, query.page, query.per_page)
    return pages.render("images.html", pager=pagination.pager(page), page=page)


@images.get("/images/<image_id>")
@guards.page("storage")
def show(image_id: str) -> Response:
    """Show one image before and after masking, with the faces that one of its jobs found."""
    query = pagination.read_query(ImageQuery)
    with current.session() as session:
        detail = records.get_image(session, ids.parse(image_id))
        job = _selected_job(detail.jobs, query.job)
        job_detail = records.get_job(session, job.id) if job else None
    faces = overlays.face_boxes(job_detail.detections if job_detail else None)
    masked_job = job if job and job.processed_s3_key else None
    overlay = overlays.Overlay(detail.image.width, detail.image.height, faces)
    return pages.render("image.html", detail=detail, job=job, masked_job=masked_job, overlay=overlay)


def _selected_job(jobs: Sequence[StoredJob], job_id: str) -> StoredJob | None:
    """Return the job of this id, else the newest one with a result, else the newest."""
    if job_id:
        job = next((job for job in jobs if job.id == ids.parse(job_id)), None)
        if job is None:
            raise NotFound(f"there is no job {job_id} of this image")
        return job
    return next((job for job in jobs if job.processed_s3_key), jobs[0] if jobs else None)
