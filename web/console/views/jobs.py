"""Jobs: the filterable list, and one job with all its details."""

import json
from typing import Annotated, Any

from flask import Blueprint, Response
from pydantic import Field

from core.contract.states import JobStatus
from core.records import job_lists, records
from core.records.records import JobFilter
from web import current
from web.auth import guards
from web.console import pages, pagination
from web.schemas import ids
from web.schemas.records import JobDetailResponse, JobQuery

jobs = Blueprint("jobs", __name__)
FILTERS = ("job_type", "method", "status", "batch_id", "created_after", "created_before")


class JobsQuery(JobQuery):
    """The API's filters, but with a status of their own for cancelled jobs."""

    status: Annotated[JobStatus | None, Field()] = None  # type: ignore[assignment]  # one word more than the API's

    def filter(self) -> JobFilter:
        wanted = self.model_dump(exclude={"page", "per_page", "order", "status"})
        return JobFilter(**wanted, statuses=(self.status,) if self.status else ())


@jobs.get("/jobs")
@guards.page("viewer", "storage")
def show_all() -> Response:
    """Show a page of the jobs that match the URL's filters."""
    query = pagination.read_query(JobsQuery)
    with current.session() as session:
        page = job_lists.page(session, query.page, query.per_page, query.filter(), query.order)
        names = job_lists.filenames(session, page.items)
        codes = job_lists.error_codes(session, page.items)
    filtered = any(getattr(query, name) is not None for name in FILTERS)
    lists: dict[str, Any] = {
        "pager": pagination.pager(page),
        "page": page,
        "names": names,
        "codes": codes,
        "sort_link": pagination.current_url,
    }
    return pages.render("jobs.html", query=query, filtered=filtered, **lists)


@jobs.get("/jobs/<job_id>")
@guards.page("viewer", "storage")
def show(job_id: str) -> Response:
    """Show one job with its options, report and JSON."""
    with current.session() as session:
        detail = records.get_job(session, ids.parse(job_id))
        image = records.get_image(session, detail.image.id)
        codes = job_lists.error_codes(session, [detail.job])
    body: dict[str, Any] = json.loads(JobDetailResponse.of(detail, image).model_dump_json())
    document = json.dumps(body, indent=2, ensure_ascii=False)
    return pages.render("job.html", detail=detail, job=detail.job, codes=codes, document=document)
