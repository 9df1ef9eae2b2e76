"""The web application: create_app wires it from services, build from the environment."""

import logging
import signal
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from flask import Response, g, redirect, request
from flask_openapi3.openapi import OpenAPI
from werkzeug.wrappers import Response as BaseResponse

from core import config, services
from core.observability import logs
from core.services import Services
from core.system import memory
from web import current, errors, requests
from web.auth import guards, origins, request_metrics, request_traces
from web.auth.limiting import admissions
from web.console import blueprints
from web.openapi import components, operations
from web.openapi import public as openapi
from web.requests import REQUEST_ID, Request
from web.routes.admin_account import admin_account
from web.routes.admin_admins import admin_admins
from web.routes.admin_audit import admin_audit
from web.routes.admin_batch_results import admin_batch_results
from web.routes.admin_batches import admin_batches
from web.routes.admin_keys import admin_keys
from web.routes.admin_records import admin_records
from web.routes.admin_reviews import admin_reviews
from web.routes.admin_session import admin_session
from web.routes.admin_sessions import admin_sessions
from web.routes.admin_test import admin_test
from web.routes.deliveries import deliveries
from web.routes.objects import objects
from web.routes.public import public
from web.routes.video_uploads import video_uploads
from web.routes.videos import videos

# Swagger UI and ReDoc run inline scripts; ReDoc would fetch a logo from its makers.
DOCS_CSP = "default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval'"
HSTS = f"max-age={365 * 86400}"  # chosen: a year, of this host alone; what lies below it is not ours to decide
PROBES = ("/health", "/health/live", "/health/ready")
ADMIN = (
    *(admin_session, admin_account, admin_admins, admin_sessions, admin_records, admin_reviews, admin_keys),
    *(admin_test, admin_batches, admin_batch_results, admin_audit),
)
log = logs.get(__name__)


class FaceApiApp(OpenAPI):
    """The framework's app, with a description that says nothing twice."""

    request_class = Request
    shared: dict[str, Any] | None = None

    @property
    def api_doc(self) -> dict[str, Any]:
        """Return the OpenAPI description; it is made once per process."""
        self.shared = self.shared or components.share(super().api_doc)
        return self.shared

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return a view or a hook as it is: none is a coroutine, which Flask would look for at every call."""
        return func


def build() -> FaceApiApp:
    """Build the app from the environment; gunicorn calls this."""
    settings = config.load()
    logs.configure(settings.log_level)
    logs.warn_of_unknown_settings()
    if settings.storage_enabled and not settings.keeps_pictures:
        log.warning("storage_disabled", reason="FACE_API_STORAGE_ENABLED is on, but FACE_API_DATABASE_ENABLED is off")
    app = create_app(services.build(settings))
    current.of(app).trail.add_start(settings)
    current.of(app).ending.begin_at_signal(signal.SIGTERM)  # gunicorn's, to a process that is to end
    memory.freeze_imports()
    return app


def create_app(built: Services) -> FaceApiApp:
    """Build the app on these services."""
    app = FaceApiApp(
        __name__,
        info=openapi.INFO,
        servers=[openapi.SERVER],
        security_schemes=openapi.SECURITY_SCHEMES,
        validation_error_model=errors.Problem,
        validation_error_callback=errors.invalid,
        static_folder=None,
    )
    current.install(app, built)
    app.config["MAX_CONTENT_LENGTH"] = built.settings.max_upload_bytes
    app.before_request(_start)
    app.after_request(_finish)  # registered first, so it runs last
    origins.install(app, built.settings)
    guards.install(app, built)
    admissions.install(app, built)
    errors.register(app)
    for blueprint in (public, videos, video_uploads, deliveries, *ADMIN):
        app.register_api(blueprint)
    app.register_blueprint(objects)
    app.register_blueprint(blueprints.root)
    app.register_blueprint(blueprints.build())
    _serve_documentation(app)
    operations.describe(app)
    return app


def _serve_documentation(app: FaceApiApp) -> None:
    """Redirect the short paths to the pages that the OpenAPI package serves."""

    @app.route("/docs")
    @guards.anyone
    def swagger() -> BaseResponse:
        return redirect("/openapi/swagger")

    @app.route("/redoc")
    @guards.anyone
    def redoc() -> BaseResponse:
        return redirect("/openapi/redoc")


def _start() -> None:
    g.started, g.ending = time.perf_counter(), current.state().ending
    requests.assign_id()
    if request.path not in PROBES:
        request_traces.begin()


def _finish(response: Response) -> Response:
    headers, path = response.headers, request.path  # each look at the request takes three calls
    headers[REQUEST_ID] = g.request_id
    headers.setdefault("X-Content-Type-Options", "nosniff")
    if origins.is_secure():
        headers["Strict-Transport-Security"] = HSTS
    if path.startswith("/openapi/"):
        headers["Content-Security-Policy"] = DOCS_CSP
    if response.status_code != HTTPStatus.TOO_MANY_REQUESTS:
        headers.pop("Retry-After", None)  # the limiter sets it on every response
    if "retry_after_s" in g:
        headers["Retry-After"] = str(g.retry_after_s)
    seconds = time.perf_counter() - g.started
    request_metrics.count(response, seconds)
    if "trace" in g:
        request_traces.end(response)
    ready = response.status_code == HTTPStatus.OK
    is_news = path not in PROBES or current.state().health.news.is_news(path, ready=ready)
    log.log(
        logging.INFO if is_news else logging.DEBUG,
        "request_finished",
        method=request.method,
        route=str(request.url_rule),
        status=response.status_code,
        outcome=g.get("outcome", "ok"),
        bytes_in=request.content_length,
        bytes_out=response.content_length,
        ms=round(seconds * 1000, 2),
    )
    return response
