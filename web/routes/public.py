"""The public endpoints: health, detect, mask."""

from http import HTTPStatus

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from core.db import Sessions
from core.errors import EngineUnavailable
from core.queue import Engine
from core.results import DetectOptions, MaskOptions
from core.services import Services
from web import bodies, current, documentation, guards, uploads
from web.requests import caller_has_gone
from web.schemas import HealthResponse, ImageUpload

public = APIBlueprint("public", __name__, abp_tags=[Tag(name="Public", description="What callers use.")])


@public.get("/health", summary="Is the service ready?", responses=documentation.HEALTH)
@guards.anyone
def get_health() -> Response:
    """200 only when the model and everything that is enabled is ready, else 503 with the same body."""
    services = current.services()
    engine = _engine(services)
    database_ready = None if services.sessions is None else _answers(services.sessions)
    ready = engine is not None and database_ready is not False
    body = HealthResponse(
        status="ok" if ready else "degraded",
        model=engine.model if engine else services.settings.model,
        model_loaded=engine is not None,
        input_size=[services.settings.input_size] * 2,
        supports_landmarks=engine is not None and engine.supports_landmarks,
        database_enabled=services.sessions is not None,
        database_ready=database_ready,
        storage_enabled=False,
        storage_ready=None,
    )
    status = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
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
    data, sent = uploads.received(query, form)
    report = current.services().queue.run_detect(data, query, caller_has_gone)
    return bodies.detection(report, sent)


@public.post(
    "/api/v1/mask",
    summary="Mask the faces of a picture",
    responses=documentation.MASK,
    security=documentation.BY_KEY,
)
@guards.api_key("mask")
def post_mask(query: MaskOptions, form: ImageUpload) -> Response:
    """Answer the picture with its faces covered, and nothing in the file but pixels and a colour profile."""
    data, sent = uploads.received(query, form)
    masked = current.services().queue.run_mask(data, query, caller_has_gone)
    return bodies.masked_image(masked, query.format, sent)


def _engine(services: Services) -> Engine | None:
    try:
        return services.queue.engine()
    except EngineUnavailable:
        return None


def _answers(sessions: Sessions) -> bool:
    try:
        with sessions() as session:
            session.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return False
    return True
