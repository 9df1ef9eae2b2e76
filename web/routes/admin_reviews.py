"""Reviews: doubtful faces, and what a person decides about them."""

import uuid
from http import HTTPStatus

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from core.records import records, reviews, undos
from core.records.edits import MaskEditor
from web import bodies, current
from web.auth import callers, guards
from web.openapi import admin as openapi
from web.openapi.admin import UNKNOWN
from web.requests import caller_has_gone
from web.schemas.records import ImagePath, JobDetailResponse, JobPath
from web.schemas.reviews import MaskEdit, PendingQuery, ReviewList, Verdict

admin_reviews = APIBlueprint(
    "admin_reviews",
    __name__,
    url_prefix="/api/v1/admin",
    abp_tags=[Tag(name="Admin: reviews", description="Faces that a person should check.")],
)


@admin_reviews.get("/reviews", summary="List jobs to review", responses=openapi.read(ReviewList))
@guards.admin_or_key("operator", "admin", "storage")
def list_reviews(query: PendingQuery) -> Response:
    """List the jobs with a doubtful face that nobody has reviewed, newest first."""
    with current.session() as session:
        page = reviews.page(session, query.page, query.per_page, query.batch_id)
    return bodies.as_json(
        ReviewList.of(page, [JobDetailResponse.of(review.job, review.image) for review in page.items])
    )


@admin_reviews.post("/images/<image_id>/mask", summary="Mask an image manually", responses=openapi.EDITED)
@guards.admin_or_key("operator", "admin", "storage")
def mask_image_manually(path: ImagePath, body: MaskEdit) -> Response:
    """Mask a stored image again: without the detections that are no faces, and with the faces that were missed.

    No faces are searched for, and only you check the result. The response is a new job with a new masked picture; the
    job that was edited counts as reviewed. `uncovered_faces` tells how many faces are visible now that were surely
    found; `POST /jobs/{job_id}/undo` takes it back.
    """
    with current.translate_database_errors():
        job_id = _editor().make(path.image_id, body.edit(callers.name()), caller_has_gone)
    return _respond(job_id, HTTPStatus.CREATED)


@admin_reviews.post(
    "/jobs/<job_id>/review",
    summary="Accept a job's faces",
    responses=openapi.write(200, JobDetailResponse, UNKNOWN, openapi.NOT_ACCEPTED),
)
@guards.admin_or_key("operator", "admin", "storage")
def review_job(path: JobPath, body: Verdict) -> Response:
    """Record that the faces of a job are right as they are: it is no longer listed for review. Or take that back."""
    judge = {"accepted": reviews.accept, "reopened": reviews.reopen}[body.verdict]
    with current.session() as session:
        judge(session, path.job_id, callers.name())
    return _respond(path.job_id, HTTPStatus.OK)


@admin_reviews.post("/jobs/<job_id>/undo", summary="Undo a manual mask", responses=openapi.UNDONE)
@guards.admin_or_key("operator", "admin", "storage")
def undo_job(path: JobPath) -> Response:
    """Take back a manual mask: the result from before is the image's newest again, in its batch as well.

    The response is a new job with that result, byte for byte. The job that was undone stays, with who made it.
    """
    with current.translate_database_errors():
        job_id = undos.undo(current.results(), path.job_id, callers.name())
    return _respond(job_id, HTTPStatus.CREATED)


def _editor() -> MaskEditor:
    return MaskEditor(current.results(), current.services().engine)


def _respond(job_id: uuid.UUID, status: int) -> Response:
    with current.session() as session:
        found = records.get_job(session, job_id)
        image = records.get_image(session, found.image.id)
    return bodies.as_json(JobDetailResponse.of(found, image), status)
