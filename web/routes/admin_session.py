"""Logging in and out."""

from http import HTTPStatus

from flask import Response, g
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from web import bodies, current
from web.auth import guards
from web.openapi import admin as openapi
from web.schemas.keys import AdminSessionResponse, Login

admin_session = APIBlueprint(
    "admin_session",
    __name__,
    url_prefix="/api/v1/admin/auth",
    abp_tags=[Tag(name="Admin: session", description="Log in and out; HTTP Basic works everywhere instead.")],
)


@admin_session.post("/login", summary="Log in", responses=openapi.LOGIN)
@guards.visitor("login")
def log_in(body: Login) -> Response:
    """Start a session; its cookie is HttpOnly and SameSite=Strict."""
    admin = current.state().admins.log_ins.log_in(body.username, body.password, body.code)
    response = Response(status=HTTPStatus.NO_CONTENT)
    current.state().admins.open_session(admin, response)
    return response


@admin_session.get(
    "/session",
    summary="Show the session",
    responses=openapi.session(AdminSessionResponse),
)
@guards.admin("viewer")
def get_session() -> Response:
    """Return who is logged in, how and until when."""
    return bodies.as_json(AdminSessionResponse.of(g.admin))


@admin_session.post("/logout", summary="Log out", responses=openapi.LOGOUT)
@guards.visitor()
def log_out() -> Response:
    """End the session: its cookie is no longer valid, wherever it was copied to."""
    response = Response(status=HTTPStatus.NO_CONTENT)
    current.state().admins.close_session(response)
    return response
