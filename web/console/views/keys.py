"""API keys: this page lists them; its script creates, changes, rotates and deletes them through the admin API."""

import json

from flask import Blueprint, Response

from core.access import keys as api_keys
from core.contract.scopes import Scope
from core.database.clock import now
from core.database.models import ApiKey
from web import current
from web.auth import guards
from web.console import pages, pagination
from web.console.pagination import TablePaging

keys = Blueprint("keys", __name__)
OVERLAPS = {0: "none", 3600: "hour", 86400: "day", 7 * 86400: "week"}  # seconds; chosen: until a client is set up anew


@keys.get("/keys")
@guards.page("owner", "database")
def show_all() -> Response:
    """Show a page of the keys, newest first."""
    query = pagination.read_query(TablePaging)
    with current.session() as session:
        page = api_keys.page(session, query.page, query.per_page)
    settings = current.services().settings
    return pages.render(
        "keys.html",
        pager=pagination.pager(page),
        page=page,
        required=settings.api_key_enabled,
        states={key.id: _state(key) for key in page.items},
        properties={key.id: _properties(key) for key in page.items},
        scopes=[scope.value for scope in Scope],
        limits={"detect": settings.rate_limit_detect, "mask": settings.rate_limit_mask},
        overlaps=OVERLAPS,
    )


def _state(key: ApiKey) -> str:
    if not key.is_active:
        return "revoked"
    return "expired" if key.expires_at and key.expires_at <= now() else "active"


def _properties(key: ApiKey) -> str:
    """Return what the dialog shows of a key, for the script."""
    end = key.expires_at.isoformat() if key.expires_at else None
    shown = {"scopes": key.scopes, "allowed_networks": key.allowed_networks, "rate_limits": key.rate_limits}
    return json.dumps({"name": key.name, "expires_at": end, **shown})
