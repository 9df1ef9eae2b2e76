"""Stored images: the list, and one image with its jobs."""

from collections.abc import Sequence
from typing import Annotated, Any

from flask import Blueprint, Response
from pydantic import Field

from core.batches import lifecycle
from core.contract.models import FrozenModel
from core.errors import NotFound
from core.records import image_lists, job_lists, records, undos
from core.records.rows import StoredJob
from web import current
from web.auth import guards
from web.console import overlays, pages, pagination
from web.schemas import ids
from web.schemas.records import ImageQuery

images = Blueprint("images", __name__)


class ImagesQuery(ImageQuery):
    """The API's filters."""

    per_page: Annotated[int, Field(ge=1, le=100)] = 24


class JobChoice(FrozenModel):
    job: str = ""


@images.get("/images")
@guards.page("viewer", "storage")
def show_all() -> Response:
    """Show a page of the images that match the URL's filters, each beside its newest result."""
    query = pagination.read_query(ImagesQuery)
    with current.session() as session:
        page = image_lists.page(session, query.page, query.per_page, query.filter())
    filtered = not query.filter().is_empty
    return pages.render("images.html", pager=pagination.pager(page), page=page, query=query, filtered=filtered)


@images.get("/images/<image_id>")
@guards.page("viewer", "storage")
def show(image_id: str) -> Response:
    """Show one image before and after masking, with the faces that one of its jobs found."""
    query = pagination.read_query(JobChoice)
    with current.session() as session:
        detail = records.get_image(session, ids.parse(image_id))
        job = _selected_job(detail.jobs, query.job)
        job_detail = records.get_job(session, job.id) if job else None
        codes = job_lists.error_codes(session, detail.jobs)
        around = image_lists.around(session, detail.image)
        batch = around.batch_id and lifecycle.find(session, around.batch_id)
    masked_job = job if job and job.processed_s3_key else None
    overlay = overlays.Overlay(detail.image.width, detail.image.height, overlays.shown(job_detail))
    newest = next((one for one in detail.jobs if one.processed_s3_key), None)
    values: dict[str, Any] = {"masked_job": masked_job, "overlay": overlay, "around": around, "batch": batch}
    values["report"] = job_detail.report if job_detail else None
    values["can_undo"] = bool(job_detail and job == newest and undos.can_undo(job_detail))
    return pages.render("image.html", detail=detail, job=job, codes=codes, **values)


def _selected_job(jobs: Sequence[StoredJob], job_id: str) -> StoredJob | None:
    """Return the job of this id, else the newest one with a result, else the newest."""
    if job_id:
        job = next((job for job in jobs if job.id == ids.parse(job_id)), None)
        if job is None:
            raise NotFound(f"there is no job {job_id} of this image")
        return job
    return next((job for job in jobs if job.processed_s3_key), jobs[0] if jobs else None)
