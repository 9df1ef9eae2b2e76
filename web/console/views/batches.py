"""Batches: the list, one batch with its live progress, and the form that creates one."""

from flask import Blueprint, Response

from core.batches import items, lifecycle
from core.batches.items import ItemFilter
from core.batches.lifecycle import BatchFilter
from core.contract import states
from core.contract.presets import PRESETS
from web import current
from web.auth import guards
from web.console import fields, pages, pagination
from web.console.deliveries import ShownDeliveries
from web.console.pagination import TablePaging
from web.schemas import ids
from web.schemas.common import BatchStatus, ItemState, Paging

batches = Blueprint("batches", __name__)


class BatchesQuery(Paging):
    status: BatchStatus | None = None


class ItemsQuery(TablePaging):
    state: ItemState | None = None


@batches.get("/batches")
@guards.page("viewer", "storage")
def show_all() -> Response:
    """Show a page of the batches, newest first."""
    query = pagination.read_query(BatchesQuery)
    with current.session() as session:
        page = lifecycle.page(session, query.page, query.per_page, BatchFilter(query.status))
        rows = lifecycle.progress(session, page.items)
    return pages.render("batches.html", pager=pagination.pager(page), page=page, rows=rows, query=query)


@batches.get("/batches/new")
@guards.page("operator", "storage")
def show_form() -> Response:
    """Show the form for a new batch; its script sends it to the admin API."""
    limit = current.services().settings.max_upload_bytes
    return pages.render("batch_new.html", groups=fields.groups(), presets=PRESETS, limit=limit)


@batches.get("/batches/<batch_id>")
@guards.page("viewer", "storage")
def show(batch_id: str) -> Response:
    """Show a batch's progress and a page of its items."""
    query = pagination.read_query(ItemsQuery)
    with current.session() as session:
        batch = lifecycle.get(session, ids.parse(batch_id))
        (progress,) = lifecycle.progress(session, [batch])
        page = items.page(session, batch, query.page, query.per_page, ItemFilter(query.state))
        deliveries = ShownDeliveries.of(session, "redeliver_batch_delivery", batch_id=batch.id)
    limit = current.services().settings.max_upload_bytes
    counts = {state: getattr(batch, state) for state in states.ItemState}
    return pages.render(
        "batch.html",
        progress=progress,
        counts=counts,
        deliveries=deliveries,
        limit=limit,
        pager=pagination.pager(page),
        page=page,
        query=query,
    )
