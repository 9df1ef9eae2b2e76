"""Batches: many pictures, uploaded or imported, that the workers process in the background."""

import hashlib
from http import HTTPStatus

from flask import Response, request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from core.batches import bucket_imports, bulk, items, lifecycle, removals
from core.batches.lifecycle import BatchFilter, NewBatch
from core.contract.states import BatchStatus
from core.database.models import Batch
from core.engine import defaults
from core.errors import InvalidOption
from core.errors.problems import FieldProblem
from core.webhooks import events
from web import bodies, current
from web.auth import callers, guards
from web.openapi import admin as openapi
from web.openapi import batches as batch_openapi
from web.openapi.admin import UNKNOWN
from web.schemas.batch_creation import BatchCreation
from web.schemas.batches import (
    BatchItemPath,
    BatchList,
    BatchPath,
    BatchQuery,
    BatchResponse,
    ImageUploads,
    ItemList,
    ItemQuery,
    ReceiptResponse,
    UnsentUploads,
)
from web.uploads import pictures

admin_batches = APIBlueprint(
    "admin_batches",
    __name__,
    url_prefix="/api/v1/admin/batches",
    abp_tags=[Tag(name="Admin: batches", description="Many pictures at once, processed in the background.")],
)
IDEMPOTENCY_KEY = "Idempotency-Key"


@admin_batches.post(
    "", summary="Create a batch", responses=batch_openapi.CREATED, openapi_extensions=batch_openapi.IDEMPOTENT
)
@guards.admin_or_key("operator", "batch", "storage")
def create_batch(body: BatchCreation) -> Response:
    """Create a batch. With the header `Idempotency-Key`, a repeated call returns the batch that exists already."""
    key = request.headers.get(IDEMPOTENCY_KEY) or None
    if key and (len(key) > 255 or not key.isprintable()):
        raise InvalidOption("the key has 1 to 255 characters", problems=(FieldProblem(IDEMPOTENCY_KEY, "Too long"),))
    if body.prefix and not bucket_imports.is_importable(body.prefix):
        problem = FieldProblem("prefix", "No key begins so, or those that do are the service's own")
        raise InvalidOption("this prefix names no pictures that may be taken", problems=(problem,))
    options = defaults.resolve(body.validated_options(), current.services().settings)
    new = NewBatch(body.name, options, body.webhook_url, body.prefix, _of_caller(key), callers.key_id())
    if new.webhook_url:
        events.validate_url(new.webhook_url, current.services().settings)
    with current.session() as session:
        batch, is_new = lifecycle.create(session, new)
    if not (is_new or lifecycle.is_like(batch, new)):
        problem = FieldProblem(IDEMPOTENCY_KEY, "Another batch was created with this key")
        raise InvalidOption("another batch was created with this key", problems=(problem,))
    return _respond(batch, HTTPStatus.CREATED)


@admin_batches.get("", summary="List batches", responses=openapi.read(BatchList))
@guards.admin_or_key("viewer", "batch", "storage")
def list_batches(query: BatchQuery) -> Response:
    """List all batches, newest first; to a key, its own."""
    wanted = BatchFilter(query.status, callers.shown_keys())
    with current.session() as session:
        page = lifecycle.page(session, query.page, query.per_page, wanted)
        progress = lifecycle.progress(session, page.items)
    return bodies.as_json(BatchList.of(page, progress))


@admin_batches.get("/<batch_id>", summary="Show a batch", responses=openapi.read(BatchResponse, UNKNOWN))
@guards.admin_or_key("viewer", "batch", "storage")
def get_batch(path: BatchPath) -> Response:
    """Return the progress of a batch: exact counts, the rate, and how long the rest takes."""
    with current.session() as session:
        batch = lifecycle.get(session, path.batch_id)
    return _respond(batch)


@admin_batches.delete("/<batch_id>", summary="Delete a batch", responses=batch_openapi.DELETED)
@guards.admin_or_key("operator", "batch", "storage")
def delete_batch(path: BatchPath) -> Response:
    """Delete a finished or cancelled batch with its pictures, jobs, results and deliveries.

    It is gone at once. Rows go first, those of a large batch within the next seconds or minutes; the stored files
    follow as tracked removals, none of which is forgotten.
    """
    with current.session() as session:
        removals.remove(session, path.batch_id)
    return Response(status=HTTPStatus.NO_CONTENT)


@admin_batches.post("/<batch_id>/images", summary="Add pictures to a batch", responses=batch_openapi.UPLOADED)
@guards.admin_or_key("operator", "batch", "storage")
def add_batch_images(path: BatchPath, form: ImageUploads) -> Response:
    """Upload pictures, each of which becomes a queued item.

    The name of a file is its name in the batch. A picture that is there already under its name makes no second item,
    so a call without a response can be repeated as a whole, with or without an `Idempotency-Key`.
    """
    with current.translate_database_errors():
        receipt = pictures.batch_uploader().take(path.batch_id, pictures.files(form))
    current.services().engine.wake_workers()
    return bodies.as_json(ReceiptResponse.model_validate(receipt), HTTPStatus.ACCEPTED)


@admin_batches.post("/<batch_id>/unsent", summary="Note files that can't be sent", responses=batch_openapi.NOTED)
@guards.admin_or_key("operator", "batch", "storage")
def add_unsent_files(path: BatchPath, body: UnsentUploads) -> Response:
    """Keep files that were chosen and can't be sent as `refused` items, so that they are in the counts and lists.

    A name that the batch has already is skipped. The file takes the place of its refused item if it is sent later.
    """
    pictures.batch_uploader().note_unsent(path.batch_id, [file.file() for file in body.files])
    with current.session() as session:
        batch = lifecycle.get(session, path.batch_id)
    return _respond(batch)


@admin_batches.post("/<batch_id>/close", summary="Close a batch", responses=batch_openapi.CHANGED)
@guards.admin_or_key("operator", "batch", "storage")
def close_batch(path: BatchPath) -> Response:
    """Accept no more pictures: the batch is completed when the last of its items is finished."""
    with current.session() as session:
        batch = lifecycle.close(session, path.batch_id)
    current.services().engine.wake_webhook_delivery()
    return _respond(batch)


@admin_batches.post("/<batch_id>/cancel", summary="Cancel a batch", responses=batch_openapi.CHANGED)
@guards.admin_or_key("operator", "batch", "storage")
def cancel_batch(path: BatchPath) -> Response:
    """Start no more items; what a worker is processing is finished, and what is finished stays."""
    with current.session() as session:
        if lifecycle.cancel(session, path.batch_id).status == BatchStatus.CANCELLED:
            bulk.cancel_queued(session, path.batch_id)
        batch = lifecycle.get(session, path.batch_id)
    current.services().engine.wake_webhook_delivery()
    return _respond(batch)


@admin_batches.post("/<batch_id>/retry-failed", summary="Retry failed items", responses=batch_openapi.RETRIED)
@guards.admin_or_key("operator", "batch", "storage")
def retry_failed_items(path: BatchPath) -> Response:
    """Queue every failed item again, as if it had never been tried; a completed batch runs again."""
    with current.session() as session:
        bulk.retry_failed(session, path.batch_id)
        batch = lifecycle.get(session, path.batch_id)
    current.services().engine.wake_workers()
    return _respond(batch)


@admin_batches.post("/<batch_id>/items/<item_id>/retry", summary="Retry an item", responses=batch_openapi.RETRIED)
@guards.admin_or_key("operator", "batch", "storage")
def retry_batch_item(path: BatchItemPath) -> Response:
    """Queue one failed item again, as if it had never been tried; an item in any other state stays as it is."""
    with current.session() as session:
        bulk.retry_item(session, path.batch_id, path.item_id)
        batch = lifecycle.get(session, path.batch_id)
    current.services().engine.wake_workers()
    return _respond(batch)


@admin_batches.get("/<batch_id>/items", summary="List the items of a batch", responses=openapi.read(ItemList, UNKNOWN))
@guards.admin_or_key("viewer", "batch", "storage")
def list_batch_items(path: BatchPath, query: ItemQuery) -> Response:
    """List a batch's items, in the order in which they were added.

    With `finished_after` it is the order in which they finished: poll with the last moment for what is new since.
    """
    with current.session() as session:
        batch = lifecycle.get(session, path.batch_id)
        page = items.page(session, batch, query.page, query.per_page, query.filter())
    return bodies.as_json(ItemList.of(page, page.items))


def _of_caller(key: str | None) -> str | None:
    """Keep the idempotency keys of each API key apart from all others'; a key goes on with those that it replaced."""
    caller = callers.key()
    if key is None or caller is None:
        return key
    return hashlib.sha256(f"{caller.first_id} {key}".encode()).hexdigest()


def _respond(batch: Batch, status: int = HTTPStatus.OK) -> Response:
    with current.session() as session:
        (progress,) = lifecycle.progress(session, [batch])
    return bodies.as_json(BatchResponse.model_validate(progress), status)
