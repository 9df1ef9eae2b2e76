"""The review queue of doubtful faces, one picture at a time; and masking any picture by hand."""

import uuid
from typing import Annotated, Any

from flask import Blueprint, Response, url_for
from pydantic import Field

from core.contract.models import FrozenModel
from core.errors import NotFound
from core.records import records
from core.records import reviews as review_queue
from core.records.rows import JobDetail
from web import current
from web.auth import guards
from web.console import overlays, pages, pagination
from web.schemas import ids

reviews = Blueprint("reviews", __name__)


class ReviewQuery(FrozenModel):
    page: Annotated[int, Field(ge=1)] = 1
    batch_id: uuid.UUID | None = None


class EditQuery(FrozenModel):
    job: str


@reviews.get("/review")
@guards.page("storage")
def show() -> Response:
    """Show one pending picture; a verdict removes it from the queue, so the same URL then shows the next."""
    query = pagination.read_query(ReviewQuery)
    with current.session() as session:
        page = review_queue.page(session, query.page, 1, query.batch_id)
    if not page.items:
        return pages.render("review_empty.html", page=page, pager=pagination.pager(page))
    next_url = pagination.current_url(page=query.page % page.pages + 1) if page.pages > 1 else ""
    return _render_editor(page.items[0].job, done_url=pagination.current_url(), next_url=next_url, page=page)


@reviews.get("/images/<image_id>/edit")
@guards.page("storage")
def show_edit(image_id: str) -> Response:
    """Show one picture with the faces that a job found, to mask it again."""
    query = pagination.read_query(EditQuery)
    with current.session() as session:
        detail = records.get_job(session, ids.parse(query.job))
    if detail.image.id != ids.parse(image_id):
        raise NotFound(f"there is no job {query.job} of this image")
    done_url = url_for("console.images.show", image_id=detail.image.id)
    return _render_editor(detail, done_url=done_url, next_url="", page=None)


def _render_editor(detail: JobDetail, *, done_url: str, next_url: str, page: object) -> Response:
    """Render the editor. done_url: where a verdict leads; page: of the review queue, None for masking by hand."""
    found = overlays.face_boxes(detail.detections)
    editor = {
        "image": str(detail.image.id),
        "job": str(detail.job.id),
        "width": detail.image.width,
        "height": detail.image.height,
        "done_url": done_url,
        "faces": [
            {"index": box.index, "x1": box.x, "y1": box.y, "x2": box.x + box.width, "y2": box.y + box.height}
            | {"confidence": box.confidence, "doubtful": box.doubtful}
            for box in found
        ]
        + _near_misses(detail.report, first=len(found)),
    }
    return pages.render("review.html", detail=detail, editor=editor, next_url=next_url, page=page)


def _near_misses(report: Any, first: int) -> list[dict[str, Any]]:
    """Return the faces that are just not masked: boxes that a person may mask. first: the index of the first one."""
    entries = report.get("near_misses", []) if isinstance(report, dict) else []
    return [
        dict(zip(("x1", "y1", "x2", "y2"), entry["box"], strict=True))
        | {"index": first + number, "confidence": entry["confidence"], "doubtful": True, "near": True}
        for number, entry in enumerate(entries)
    ]
