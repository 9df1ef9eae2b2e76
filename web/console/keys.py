"""API keys: this page lists them; its script creates, changes and deletes them through the admin API."""

from typing import Annotated

from flask import Blueprint, Response
from pydantic import Field

from core.contract.models import FrozenModel
from core.keys import keys as api_keys
from web import current
from web.auth import guards
from web.console import pages, pagination

keys = Blueprint("keys", __name__)


class KeysQuery(FrozenModel):
    page: Annotated[int, Field(ge=1)] = 1
    per_page: Annotated[int, Field(ge=1, le=100)] = 50


@keys.get("/keys")
@guards.page("database")
def show_all() -> Response:
    """Show a page of the keys, newest first."""
    query = pagination.read_query(KeysQuery)
    with current.session() as session:
        page = api_keys.page(session, query.page, query.per_page)
    required = current.services().settings.api_key_enabled
    return pages.render("keys.html", pager=pagination.pager(page), page=page, required=required)
