"""Open sessions of all administrators, seen and ended by owners."""

from http import HTTPStatus

from flask import Response, g
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from core.errors import NotFound
from web import bodies, current
from web.auth import guards
from web.openapi import admin as openapi
from web.schemas.admins import OpenSession, OpenSessions, SessionPath

admin_sessions = APIBlueprint(
    "admin_sessions",
    __name__,
    url_prefix="/api/v1/admin/sessions",
    abp_tags=[Tag(name="Admin: sessions", description="Where administrators are logged in.")],
)


@admin_sessions.get("", summary="List all sessions", responses=openapi.read(OpenSessions))
@guards.admin("owner")
def get_open_sessions() -> Response:
    """List where administrators are logged in, newest first: with a password, and by single sign-on."""
    found = current.state().admins.open_sessions()
    return bodies.as_json(OpenSessions(items=[OpenSession.of(one, g.admin.session) for one in found]))


@admin_sessions.delete("/<session_id>", summary="End a session", responses=openapi.DELETED)
@guards.admin("owner")
def end_session(path: SessionPath) -> Response:
    """End anybody's session: its cookie is no longer valid. Who may log in may do so again."""
    if not current.state().admins.end_session(path.session_id):
        raise NotFound("there is no such session")
    return Response(status=HTTPStatus.NO_CONTENT)
