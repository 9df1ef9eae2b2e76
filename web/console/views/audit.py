"""The audit trail as a page: filtered and paged as in the API, and exported with the same filters."""

from typing import Annotated

from flask import Blueprint, Response, url_for
from pydantic import Field

from core.contract.deeds import ActorKind, Deed
from core.database import audits
from web import current
from web.auth import guards
from web.console import pages, pagination
from web.schemas.audit import AuditChoice, AuditQuery

audit = Blueprint("audit", __name__)


class AuditPageQuery(AuditQuery):
    per_page: Annotated[int, Field(ge=1, le=100)] = 50


@audit.get("/audit")
@guards.page("owner", "database")
def show_all() -> Response:
    """Show a page of the records that match the URL's filters, newest first."""
    query = pagination.read_query(AuditPageQuery)
    with current.session() as session:
        page = audits.page(session, query.page, query.per_page, query.filter())
    given = query.model_dump(mode="json", include=set(AuditChoice.model_fields), exclude_none=True)
    return pages.render(
        "audit.html",
        pager=pagination.pager(page),
        page=page,
        query=query,
        filtered=bool(given),
        deeds=[deed.value for deed in Deed],
        actor_kinds=[kind.value for kind in ActorKind],
        export_url=url_for("admin_audit.export_audit_records", **given),
        filter_url=pagination.current_url,
    )
