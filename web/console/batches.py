"""Many pictures at once: all batches, one of them as it goes on, and the form that begins one."""

from typing import Annotated

from flask import Blueprint, Response
from pydantic import Field

from core.batches import items
from core.batches import lifecycle as records
from core.batches.items import ItemFilter
from core.contract import states
from core.contract.models import FrozenModel
from web import current
from web.auth import guards
from web.console import fields, ids, pages, pagination
from web.schemas.common import BatchStatus, ItemState

batches = Blueprint("batches", __name__)


class BatchesQuery(FrozenModel):
    page: Annotated[int, Field(ge=1)] = 1
    per_page: Annotated[int, Field(ge=1, le=100)] = 20
    status: BatchStatus | None = None


class ItemsQuery(FrozenModel):
    page: Annotated[int, Field(ge=1)] = 1
    per_page: Annotated[int, Field(ge=1, le=100)] = 50
    state: ItemState | None = None


@batches.get("/batches")
@guards.page("storage")
def show_all() -> Response:
    """Show a page of the batches, newest first."""
    query = pagination.read(BatchesQuery)
    with current.session() as session:
        found = records.page(session, query.page, query.per_page, query.status)
        known = records.progress(session, found.items)
    return pages.render("batches.html", pager=pagination.pager(found), found=found, known=known, query=query)


@batches.get("/batches/new")
@guards.page("storage")
def show_form() -> Response:
    """Show what a batch is begun with; the page's script sends it to the admin API."""
    limit = current.services().settings.max_upload_bytes
    return pages.render("batch_new.html", groups=fields.groups(), limit=limit)


@batches.get("/batches/<batch_id>")
@guards.page("storage")
def show(batch_id: str) -> Response:
    """Show how far a batch is, and its items."""
    query = pagination.read(ItemsQuery)
    with current.session() as session:
        batch = records.get(session, ids.read(batch_id))
        (progress,) = records.progress(session, [batch])
        found = items.page(session, batch, query.page, query.per_page, ItemFilter(query.state))
    counts = {state: getattr(batch, state) for state in states.ItemState}
    return pages.render(
        "batch.html", progress=progress, counts=counts, pager=pagination.pager(found), found=found, query=query
    )
