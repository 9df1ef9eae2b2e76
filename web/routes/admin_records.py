"""Stored images, jobs and usage statistics."""

from dataclasses import replace
from http import HTTPStatus

from flask import Response, redirect
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from werkzeug.wrappers import Response as BaseResponse

from core.errors import NotFound
from core.records import deletions, image_lists, job_lists, records, statistics
from web import bodies, current, links
from web.auth import callers, guards
from web.openapi import admin as openapi
from web.openapi.admin import DELETED, DOWNLOAD, UNKNOWN
from web.schemas.records import (
    ImageDetailResponse,
    ImageList,
    ImagePath,
    ImageQuery,
    JobDetailResponse,
    JobList,
    JobPath,
    JobQuery,
    StatsResponse,
)

admin_records = APIBlueprint(
    "admin_records",
    __name__,
    url_prefix="/api/v1/admin",
    abp_tags=[Tag(name="Admin: records", description="Stored images, their jobs, and usage statistics.")],
)


@admin_records.get("/stats", summary="Usage statistics", responses=openapi.read(StatsResponse))
@guards.admin_or_key("viewer", "admin", "storage")
def get_stats() -> Response:
    """Return how much was stored and processed."""
    with current.session() as session:
        found = statistics.read(session)
    return bodies.as_json(StatsResponse.model_validate(found))


@admin_records.get("/images", summary="List images", responses=openapi.read(ImageList))
@guards.admin_or_key("viewer", "read", "storage")
def list_images(query: ImageQuery) -> Response:
    """List the stored images that match every value given, newest first."""
    with current.session() as session:
        page = image_lists.page(
            session, query.page, query.per_page, replace(query.filter(), api_key_ids=callers.shown_keys())
        )
    return bodies.as_json(ImageList.of(page, page.items))


@admin_records.get("/images/<image_id>", summary="Show an image", responses=openapi.read(ImageDetailResponse, UNKNOWN))
@guards.admin_or_key("viewer", "read", "storage")
def get_image(path: ImagePath) -> Response:
    """Return an image with all of its jobs."""
    with current.session() as session:
        found = records.get_image(session, path.image_id)
    return bodies.as_json(ImageDetailResponse.model_validate(found))


@admin_records.delete("/images/<image_id>", summary="Delete an image", responses=DELETED)
@guards.admin_or_key("operator", "admin", "storage")
def delete_image(path: ImagePath) -> Response:
    """Delete an image with its jobs and all of their stored files.

    What the object store fails to delete now is deleted later.
    """
    results = current.results()
    with current.translate_database_errors():
        deletions.delete_image(results.objects, results.sessions, path.image_id)
    return Response(status=HTTPStatus.NO_CONTENT)


@admin_records.get("/images/<image_id>/download", summary="Download an image", responses=DOWNLOAD)
@guards.admin_or_key("operator", "read", "storage")
def download_image(path: ImagePath) -> BaseResponse:
    """Redirect to the original by a private link that expires."""
    with current.session() as session:
        found = records.get_image(session, path.image_id)
    return redirect(links.original(found.image, "attachment"))


@admin_records.get("/jobs", summary="List jobs", responses=openapi.read(JobList))
@guards.admin_or_key("viewer", "read", "storage")
def list_jobs(query: JobQuery) -> Response:
    """List the jobs that match every value given, newest first or in another order."""
    wanted = replace(query.filter(), api_key_ids=callers.shown_keys())
    with current.session() as session:
        page = job_lists.page(session, query.page, query.per_page, wanted, query.order)
    return bodies.as_json(JobList.of(page, page.items))


@admin_records.get("/jobs/<job_id>", summary="Show a job", responses=openapi.read(JobDetailResponse, UNKNOWN))
@guards.admin_or_key("viewer", "read", "storage")
def get_job(path: JobPath) -> Response:
    """Return a job with its image and the faces that were found."""
    with current.session() as session:
        found = records.get_job(session, path.job_id)
        image = records.get_image(session, found.image.id)
    return bodies.as_json(JobDetailResponse.of(found, image))


@admin_records.get("/jobs/<job_id>/download", summary="Download a result", responses=DOWNLOAD)
@guards.admin_or_key("viewer", "read", "storage")
def download_job_result(path: JobPath) -> BaseResponse:
    """Redirect to the masked picture by a private link that expires."""
    with current.session() as session:
        found = records.get_job(session, path.job_id)
    if found.job.processed_s3_key is None:
        raise NotFound("this job has no masked picture")
    return redirect(links.download(found.job, found.image))
