"""The web tier: create_app puts it together, build does so from the environment."""

import time
from http import HTTPStatus

from flask import Response, g, redirect, request
from flask_openapi3.models.info import Info
from flask_openapi3.openapi import OpenAPI
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Response as BaseResponse

from core import config, logs, services
from core.services import Services
from web import current, errors, requests
from web.auth import guards
from web.console import blueprints
from web.openapi import public as openapi
from web.requests import REQUEST_ID, Request
from web.routes.admin_batch_results import admin_batch_results
from web.routes.admin_batches import admin_batches
from web.routes.admin_keys import admin_keys
from web.routes.admin_records import admin_records
from web.routes.admin_reviews import admin_reviews
from web.routes.admin_session import admin_session
from web.routes.admin_test import admin_test
from web.routes.objects import objects
from web.routes.public import public

VERSION = "0.1.0"
# The pages of Swagger and ReDoc run their own inline scripts; ReDoc would fetch a logo from its makers.
ONLY_OURS = "default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval'"
log = logs.get(__name__)


class FaceApiApp(OpenAPI):
    request_class = Request


def build() -> FaceApiApp:
    """Make the app of this process's environment; what gunicorn calls."""
    settings = config.load()
    logs.configure(settings.log_level)
    logs.warn_of_unknown_settings()
    if settings.storage_enabled and not settings.keeps_pictures:
        log.warning("nothing is kept, although FACE_API_STORAGE_ENABLED is on: FACE_API_DATABASE_ENABLED is off")
    return create_app(services.build(settings))


def create_app(made: Services) -> FaceApiApp:
    """Make the app of these services."""
    app = FaceApiApp(
        __name__,
        info=Info(title="Face API", version=VERSION, description="Finds the faces in photographs and masks them."),
        security_schemes=openapi.SECURITY_SCHEMES,
        validation_error_model=errors.Problem,
        validation_error_callback=errors.invalid,
        static_folder=None,
    )
    current.install(app, made)
    app.config["MAX_CONTENT_LENGTH"] = made.settings.max_upload_bytes
    app.before_request(_begin)
    app.after_request(_finish)  # the first that is registered is the last that runs
    guards.install(app, made)
    errors.register(app)
    of_admin = (admin_session, admin_records, admin_reviews, admin_keys, admin_test, admin_batches, admin_batch_results)
    for routes in (public, *of_admin):
        app.register_api(routes)
    app.register_blueprint(objects)
    app.register_blueprint(blueprints.root)
    app.register_blueprint(blueprints.build())
    _serve_documentation(app)
    if made.settings.trusted_proxies:
        believed = made.settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=believed, x_proto=believed, x_host=believed)  # type: ignore[method-assign]  # Flask's own advice
    return app


def _serve_documentation(app: FaceApiApp) -> None:
    """Give the pages that the OpenAPI package serves their short addresses."""

    @app.route("/docs")
    @guards.anyone
    def swagger() -> BaseResponse:
        return redirect("/openapi/swagger")

    @app.route("/redoc")
    @guards.anyone
    def redoc() -> BaseResponse:
        return redirect("/openapi/redoc")


def _begin() -> None:
    g.started = time.perf_counter()
    requests.choose_id()


def _finish(response: Response) -> Response:
    response.headers[REQUEST_ID] = g.request_id
    if request.path.startswith("/openapi/"):
        response.headers["Content-Security-Policy"] = ONLY_OURS
    if response.status_code != HTTPStatus.TOO_MANY_REQUESTS:
        response.headers.pop("Retry-After", None)  # the limiter tells it to everybody
    if "retry_after_s" in g:
        response.headers["Retry-After"] = str(g.retry_after_s)
    # Whoever watches the service asks for its health all the time.
    write = log.debug if request.path == "/health" and response.status_code == HTTPStatus.OK else log.info
    write(
        "request",
        request_id=g.request_id,
        method=request.method,
        route=str(request.url_rule),
        status=response.status_code,
        outcome=g.get("outcome", "ok"),
        bytes_in=request.content_length,
        bytes_out=response.content_length,
        ms=round((time.perf_counter() - g.started) * 1000, 2),
    )
    return response
