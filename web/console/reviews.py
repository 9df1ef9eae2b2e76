"""Faces at which a person should look, one picture after the other; and any picture, masked again by hand."""

from typing import Annotated

from flask import Blueprint, Response, url_for
from pydantic import Field

from core.contract.models import FrozenModel
from core.errors import NotFound
from core.records import records
from core.records import reviews as waiting
from core.records.rows import JobDetail
from web import current
from web.auth import guards
from web.console import ids, overlays, pages, pagination

reviews = Blueprint("reviews", __name__)


class ReviewQuery(FrozenModel):
    page: Annotated[int, Field(ge=1)] = 1


class EditQuery(FrozenModel):
    job: str


@reviews.get("/review")
@guards.page("storage")
def show() -> Response:
    """Show one picture that waits; what is done with it takes it off the list, so the same address shows the next."""
    query = pagination.read(ReviewQuery)
    with current.session() as session:
        found = waiting.page(session, query.page, 1)
    if not found.items:
        return pages.render("review_none.html", found=found, pager=pagination.pager(found))
    skip = pagination.address(page=query.page % found.pages + 1) if found.pages > 1 else ""
    return _editor(found.items[0].job, then=pagination.address(), skip=skip, found=found)


@reviews.get("/images/<image_id>/edit")
@guards.page("storage")
def show_edit(image_id: str) -> Response:
    """Show one picture with the faces that a job found, to be masked again."""
    query = pagination.read(EditQuery)
    with current.session() as session:
        detail = records.get_job(session, ids.read(query.job))
    if detail.image.id != ids.read(image_id):
        raise NotFound(f"there is no job {query.job} of this image")
    then = url_for("console.images.show", image_id=detail.image.id)
    return _editor(detail, then=then, skip="", found=None)


def _editor(detail: JobDetail, *, then: str, skip: str, found: object) -> Response:
    drawing = overlays.Drawing(detail.image.width, detail.image.height, overlays.faces(detail.detections))
    edit = {
        "image": str(detail.image.id),
        "job": str(detail.job.id),
        "width": drawing.width,
        "height": drawing.height,
        "then": then,
        "skip": skip,
        "faces": [
            {"index": mark.index, "x1": mark.x, "y1": mark.y, "x2": mark.x + mark.width, "y2": mark.y + mark.height}
            | {"confidence": mark.confidence, "doubtful": mark.doubtful}
            for mark in drawing.marks
        ],
    }
    return pages.render("review.html", detail=detail, edit=edit, skip=skip, found=found)
