"""Administrators of the table: created, listed, changed and deleted by owners."""

from http import HTTPStatus

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from core.access import admins, second_factors
from core.database.models import AdminAccount
from web import bodies, current
from web.auth import guards
from web.openapi import admin as openapi
from web.openapi.admin import UNKNOWN
from web.schemas.admins import AdminChange, AdminCreation, AdminList, AdminPath, AdminResponse, NewPassword
from web.schemas.common import Paging

admin_admins = APIBlueprint(
    "admin_admins",
    __name__,
    url_prefix="/api/v1/admin/admins",
    abp_tags=[Tag(name="Admin: administrators", description="Administrators beside the one of the settings.")],
)
CHANGED = openapi.write(200, AdminResponse, UNKNOWN)


@admin_admins.post("", summary="Create an administrator", responses=openapi.write(201, AdminResponse))
@guards.admin("owner", "database")
def create_admin(body: AdminCreation) -> Response:
    """Create an administrator; of the password only its hash is stored."""
    reserved = current.services().settings.admin_user
    with current.session() as session:
        account = admins.create(session, body.name, body.password, body.role, reserved=reserved)
    return bodies.as_json(AdminResponse.of(account), HTTPStatus.CREATED)


@admin_admins.get("", summary="List administrators", responses=openapi.read(AdminList))
@guards.admin("owner", "database")
def list_admins(query: Paging) -> Response:
    """List the administrators of the table, oldest first; the one of the settings is not among them."""
    with current.session() as session:
        page = admins.page(session, query.page, query.per_page)
    return bodies.as_json(AdminList.of(page, map(AdminResponse.of, page.items)))


@admin_admins.get("/<admin_id>", summary="Show an administrator", responses=openapi.read(AdminResponse, UNKNOWN))
@guards.admin("owner", "database")
def get_admin(path: AdminPath) -> Response:
    """Return an administrator."""
    with current.session() as session:
        account = admins.get(session, path.admin_id)
    return bodies.as_json(AdminResponse.of(account))


@admin_admins.patch("/<admin_id>", summary="Change an administrator", responses=CHANGED)
@guards.admin("owner", "database")
def update_admin(path: AdminPath, body: AdminChange) -> Response:
    """Change the role, which counts for open sessions as well; or let it in no more, which ends them."""
    with current.session() as session:
        account = admins.change(session, path.admin_id, **body.model_dump(exclude_unset=True))
    return _changed(account)


@admin_admins.post("/<admin_id>/password", summary="Set an administrator's password", responses=CHANGED)
@guards.admin("owner", "database")
def set_admin_password(path: AdminPath, body: NewPassword) -> Response:
    """Replace the password, which ends all sessions of the administrator."""
    with current.session() as session:
        account = admins.set_password(session, path.admin_id, body.password)
    return _changed(account)


@admin_admins.post("/<admin_id>/reset-totp", summary="Switch off an administrator's codes", responses=CHANGED)
@guards.admin("owner", "database")
def reset_admin_totp(path: AdminPath) -> Response:
    """Ask for no codes any more: for whoever has lost both the device and the recovery codes."""
    with current.session() as session:
        account = second_factors.disable(session, path.admin_id)
    return _changed(account)


@admin_admins.delete("/<admin_id>", summary="Delete an administrator", responses=openapi.DELETED)
@guards.admin("owner", "database")
def delete_admin(path: AdminPath) -> Response:
    """Delete an administrator, which ends its sessions; what the audit trail says of it stays."""
    with current.session() as session:
        admins.delete(session, path.admin_id)
    current.state().admins.accounts.clear()
    return Response(status=HTTPStatus.NO_CONTENT)


def _changed(account: AdminAccount) -> Response:
    current.state().admins.accounts.clear()
    return bodies.as_json(AdminResponse.of(account))
