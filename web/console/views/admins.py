"""Administrators and their sessions: this page lists them; its script changes and ends them through the admin API."""

from flask import Blueprint, Response

from core.access import admins as accounts
from core.contract.roles import Role
from core.settings.types import MIN_PASSWORD_LENGTH
from web import current
from web.auth import guards
from web.console import pages, pagination
from web.console.pagination import TablePaging
from web.console.views.account import browser

admins = Blueprint("admins", __name__)


@admins.get("/administrators")
@guards.page("owner", "database")
def show_all() -> Response:
    """Show a page of the administrators, oldest first, the one of the settings before them, and all open sessions."""
    query = pagination.read_query(TablePaging)
    with current.session() as session:
        page = accounts.page(session, query.page, query.per_page)
    return pages.render(
        "admins.html",
        pager=pagination.pager(page),
        page=page,
        sessions=current.state().admins.open_sessions(),
        browser=browser,
        roles=[role.value for role in Role],
        settings_name=current.services().settings.admin_user,
        least=MIN_PASSWORD_LENGTH,
    )
