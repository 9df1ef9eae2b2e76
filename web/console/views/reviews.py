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
from web.console.overlays import FaceBox
from web.schemas import ids

SIZES = ("large", "full")
EDGES = ("x1", "y1", "x2", "y2")

reviews = Blueprint("reviews", __name__)


class ReviewQuery(FrozenModel):
    page: Annotated[int, Field(ge=1)] = 1
    batch_id: uuid.UUID | None = None


class EditQuery(FrozenModel):
    job: str


@reviews.get("/review")
@guards.page("operator", "storage")
def show() -> Response:
    """Show one pending picture; a verdict removes it from the queue, so the same URL then shows the next."""
    query = pagination.read_query(ReviewQuery)
    with current.session() as session:
        page = review_queue.page(session, query.page, 1, query.batch_id)
        if not page.items and page.total:  # after a verdict on the last one: the first comes next
            page = review_queue.page(session, 1, 1, query.batch_id)
    if not page.items:
        return pages.render("review_empty.html")
    around = {
        name: pagination.current_url(page=(page.page - 1 + step) % page.pages + 1) if page.pages > 1 else ""
        for name, step in (("next_url", 1), ("previous_url", -1))
    }
    # A picture whose manual mask is undone is the first again.
    leads = {"done_url": pagination.current_url(), "undone_url": pagination.current_url(page=None)}
    return _render_editor(page.items[0].job, leads, page=page, **around)


@reviews.get("/images/<image_id>/edit")
@guards.page("operator", "storage")
def show_edit(image_id: str) -> Response:
    """Show one picture with the faces that a job found, to mask it again."""
    query = pagination.read_query(EditQuery)
    with current.session() as session:
        detail = records.get_job(session, ids.parse(query.job))
    if detail.image.id != ids.parse(image_id):
        raise NotFound(f"there is no job {query.job} of this image")
    leads = {
        "done_url": url_for("console.images.show", image_id=detail.image.id),
        "undone_url": pagination.current_url(),
    }
    return _render_editor(detail, leads)


def _render_editor(detail: JobDetail, leads: dict[str, str], **values: Any) -> Response:
    """Render the editor. leads: where a verdict leads, and its undo; values: of the review queue, absent elsewhere."""
    image, job = detail.image.id, str(detail.job.id)
    with current.session() as session:
        newest = review_queue.newest_result(session, image)
    thumbnails = "console.thumbnails"
    faces = _faces(detail)
    editor = {
        "image": str(image),
        "job": job,
        "newest": newest and str(newest),
        "image_url": url_for("console.images.show", image_id=image),
        "name": detail.image.filename,
        "width": detail.image.width,
        "height": detail.image.height,
        "faces": faces,
        "pictures": {size: url_for(f"{thumbnails}.get_original", image_id=image, size=size) for size in SIZES},
        "result_pictures": {
            size: url_for(f"{thumbnails}.get_result", image_id=image, job_id=job, size=size) for size in SIZES
        },
    }
    found = sum(not (face.get("near") or face.get("uncovered")) for face in faces)
    return pages.render("review.html", detail=detail, editor=editor | leads, found=found, **values)


def _faces(detail: JobDetail) -> list[dict[str, Any]]:
    """Return the faces that were found, those that somebody has uncovered, and those that are just not masked."""
    report = detail.report if isinstance(detail.report, dict) else {}
    found = overlays.face_boxes(detail.detections)
    uncovered = overlays.face_boxes(report.get("uncovered"))
    near = [
        dict(zip(EDGES, entry["box"], strict=True)) | {"confidence": entry["confidence"], "near": True}
        for entry in report.get("near_misses", [])
    ]
    every = [
        *(_face(box) | _of_detection(box) for box in found),
        *(_face(box) | {"uncovered": True} for box in uncovered),
        *near,
    ]
    return [{"index": index} | face for index, face in enumerate(every)]


def _of_detection(box: FaceBox) -> dict[str, Any]:
    return {"index": box.index, "doubtful": box.doubtful, "sure": not (box.doubtful or box.added)}


def _face(box: FaceBox) -> dict[str, Any]:
    edges = (box.x, box.y, box.x + box.width, box.y + box.height)
    return dict(zip(EDGES, edges, strict=True)) | {"confidence": box.confidence}
