"""The audit trail: who did what."""

from collections.abc import Iterator

from flask import Response, request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from core.database import audits
from core.database.audits import AuditFilter
from web import bodies, current
from web.auth import guards
from web.openapi import admin as openapi
from web.openapi import batches as batch_openapi
from web.schemas.audit import AuditChoice, AuditList, AuditQuery, AuditRecordResponse

admin_audit = APIBlueprint(
    "admin_audit",
    __name__,
    url_prefix="/api/v1/admin",
    abp_tags=[Tag(name="Admin: audit", description="Who did what, from where, and what came of it.")],
)
LINES = "application/jsonl"


@admin_audit.get("/audit", summary="List the audit trail", responses=openapi.read(AuditList))
@guards.admin("owner", "database")
def list_audit_records(query: AuditQuery) -> Response:
    """List log-ins, changes of keys, views of originals, deletions, reviews, batches and starts, newest first."""
    with current.session() as session:
        page = audits.page(session, query.page, query.per_page, query.filter())
    return bodies.as_json(AuditList.of(page, page.items))


@admin_audit.get("/audit.jsonl", summary="Export the audit trail", responses=batch_openapi.AUDIT_LINES)
@guards.admin("owner", "database")
def export_audit_records(query: AuditChoice) -> Response:
    """Stream all records that match as JSON Lines, newest first: a line is what the list has as an item."""
    if request.method == "HEAD":
        response = Response(mimetype=LINES)
    else:
        response = current.state().stream_slots.stream(_lines(query.filter()), LINES)
    response.headers["Content-Disposition"] = 'attachment; filename="audit.jsonl"'
    return response


def _lines(wanted: AuditFilter) -> Iterator[bytes]:
    with current.session() as session:
        for record in audits.every(session, wanted):
            yield AuditRecordResponse.model_validate(record).model_dump_json().encode() + b"\n"
