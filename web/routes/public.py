"""The public endpoints: health, detect, mask."""

from http import HTTPStatus

from flask import Response, current_app, g
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from core import keeping, outcomes
from core.results import DetectOptions, MaskOptions
from web import bodies, current, documentation, guards, uploads
from web.health import Health
from web.requests import caller_has_gone
from web.schemas import ImageUpload

public = APIBlueprint("public", __name__, abp_tags=[Tag(name="Public", description="What callers use.")])


@public.get("/health", summary="Is the service ready?", responses=documentation.HEALTH)
@guards.anyone
def get_health() -> Response:
    """200 only when the model and everything that is enabled is ready, else 503 with the same body."""
    health: Health = current_app.extensions["health"]
    body = health.now()
    g.outcome = body.status
    status = HTTPStatus.OK if body.status == "ok" else HTTPStatus.SERVICE_UNAVAILABLE
    return Response(body.model_dump_json(), status, mimetype="application/json")


@public.post(
    "/api/v1/detect",
    summary="Find the faces of a picture",
    responses=documentation.DETECT,
    security=documentation.BY_KEY,
)
@guards.api_key("detect")
def post_detect(query: DetectOptions, form: ImageUpload) -> Response:
    """Answer where the faces are, in pixels of the upright picture."""
    upload, sent, options = uploads.received(query, form)
    services = current.services()
    with keeping.draft(services.keeper, upload) as draft:
        report = services.queue.run_detect(upload.data, options, caller_has_gone)
    kept = draft.finish(outcomes.detected(report, options, sent.total_ms))
    return bodies.detection(report, sent, kept)


@public.post(
    "/api/v1/mask",
    summary="Mask the faces of a picture",
    responses=documentation.MASK,
    security=documentation.BY_KEY,
)
@guards.api_key("mask")
def post_mask(query: MaskOptions, form: ImageUpload) -> Response:
    """Answer the picture with its faces covered, and nothing in the file but pixels and a colour profile."""
    upload, sent, options = uploads.received(query, form)
    services = current.services()
    with keeping.draft(services.keeper, upload) as draft:
        masked = services.queue.run_mask(upload.data, options, caller_has_gone)
    kept = draft.finish(outcomes.masked(masked, options, sent.total_ms))
    return bodies.masked_image(masked, options.format, sent, kept)
