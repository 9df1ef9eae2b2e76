"""The public endpoints: health, detect, mask."""

from http import HTTPStatus

from flask import Response, g
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from core.contract.options import DetectOptions, MaskQuery
from core.records import calls, outcomes
from web import bodies, current
from web.auth import guards
from web.auth.limiting import admissions
from web.openapi import public as openapi
from web.requests import caller_has_gone
from web.schemas.detect import HealthResponse, ImageUpload, MaskUpload, ProbeResponse
from web.uploads import pictures

public = APIBlueprint(
    "public", __name__, abp_tags=[Tag(name="Public", description="Health, and the detection and masking of faces.")]
)


@public.get("/health", summary="Check the health", responses=openapi.HEALTH)
@guards.anyone
def get_health() -> Response:
    """200 only when the model and everything that is enabled is ready, else 503 with the same body."""
    return _health(HealthResponse)


@public.get("/health/live", summary="Check that the process answers", responses=openapi.LIVE)
@guards.anyone
def get_liveness() -> Response:
    """200 while the process can answer; it asks nobody."""
    return bodies.as_json(ProbeResponse(status="ok"))


@public.get("/health/ready", summary="Check that calls can be answered", responses=openapi.READY)
@guards.anyone
def get_readiness() -> Response:
    """200 or 503 as `/health`, for load balancers."""
    return _health(ProbeResponse)


@public.post(
    "/api/v1/detect",
    summary="Detect the faces of a picture",
    responses=openapi.DETECT,
)
@guards.api_key("detect", limit="detect")
def detect_faces(query: DetectOptions, form: ImageUpload) -> Response:
    """Return where the faces are, in pixels of the upright picture."""
    upload, context, options = pictures.received(query, form)
    services = current.services()
    with calls.stored(services.results, upload, services.engine.count_unsaved_result) as call:
        report = services.engine.run_detect(upload.data, options, caller_has_gone, admissions.reserved_call())
        ids = call.finish(lambda: outcomes.detected(report, options, context.total_ms))
    return bodies.detection(report, context, ids)


@public.post(
    "/api/v1/mask",
    summary="Mask the faces of a picture",
    responses=openapi.MASK,
)
@guards.api_key("mask", limit="mask")
def mask_image(query: MaskQuery, form: MaskUpload) -> Response:
    """Return the picture with its faces masked, and nothing in the file but pixels and a colour profile."""
    upload, context, options = pictures.received(query, form)
    services = current.services()
    with calls.stored(services.results, upload, services.engine.count_unsaved_result) as call:
        masked = services.engine.run_mask(upload.data, options, caller_has_gone, admissions.reserved_call())
        ids = call.finish(lambda: outcomes.masked(masked, options, context.total_ms))
    return bodies.masked_image(masked, options.format, context, ids)


def _health(shape: type[HealthResponse] | type[ProbeResponse]) -> Response:
    """Answer with so much of the health as this shape holds."""
    found = current.state().health.now()
    g.outcome = found.status
    status = HTTPStatus.OK if found.status == "ok" else HTTPStatus.SERVICE_UNAVAILABLE
    return bodies.as_json(shape.model_validate(found.model_dump()), status)
