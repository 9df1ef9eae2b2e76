"""What was done: all of it, and one job."""

import json
from typing import Annotated, Any, Literal

from flask import Blueprint, Response
from pydantic import Field

from core.records import records
from core.records.records import JobFilter
from web import current
from web.auth import guards
from web.console import ids, overlays, pages, pagination
from web.schemas.records import JobDetailResponse, JobQuery

jobs = Blueprint("jobs", __name__)
FILTERS = ("job_type", "method", "status", "batch_id", "created_after", "created_before")


class JobsQuery(JobQuery):
    """As in the API, and which end of the list comes first."""

    def filter(self) -> JobFilter:
        return JobFilter(**self.model_dump(exclude={"page", "per_page", "order"}))

    order: Annotated[Literal["newest", "oldest"], Field(description="Which come first.")] = "newest"


@jobs.get("/jobs")
@guards.page("storage")
def show_all() -> Response:
    """Show a page of the jobs that the address asks for."""
    query = pagination.read(JobsQuery)
    with current.session() as session:
        page_of = records.page_jobs if query.order == "newest" else records.page_jobs_from_oldest
        found = page_of(session, query.page, query.per_page, query.filter())
    filtered = any(getattr(query, name) is not None for name in FILTERS)
    return pages.render("jobs.html", pager=pagination.pager(found), found=found, query=query, filtered=filtered)


@jobs.get("/jobs/<job_id>")
@guards.page("storage")
def show(job_id: str) -> Response:
    """Show all about one job."""
    with current.session() as session:
        found = records.get_job(session, ids.read(job_id))
        image = records.get_image(session, found.image.id)
    told: dict[str, Any] = json.loads(JobDetailResponse.of(found, image).model_dump_json())
    drawing = overlays.Drawing(found.image.width, found.image.height, overlays.faces(found.detections))
    document = json.dumps(told, indent=2, ensure_ascii=False)
    return pages.render("job.html", found=found, job=found.job, drawing=drawing, document=document)
