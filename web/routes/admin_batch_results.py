"""A batch's results, and its progress as events."""

import base64
import json

from flask import Response, request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from core.batches import archive, lifecycle
from core.storage import objects
from web import batch_events, current
from web.auth import guards
from web.openapi import batches as batch_openapi
from web.schemas.batches import BatchItemPath, BatchPath

admin_batch_results = APIBlueprint(
    "admin_batch_results",
    __name__,
    url_prefix="/api/v1/admin/batches",
    abp_tags=[Tag(name="Admin: batches", description="Many pictures at once, processed in the background.")],
)
ZIP = "application/zip"


@admin_batch_results.get("/<batch_id>/results", summary="Download all results", responses=batch_openapi.RESULTS)
@guards.admin_or_key("viewer", "batch", "storage")
def download_batch_results(path: BatchPath) -> Response:
    """Stream a ZIP of all that is finished: the masked pictures and `manifest.jsonl`.

    A picture has its item's name, followed by the suffix of its format unless it ends with that already. The manifest
    has a line of JSON for each finished item: state, error, digests, faces, options, and the name of its picture. When
    the store fails midway the connection is closed, and what was received is no valid ZIP.
    """
    with current.session() as session:
        batch = lifecycle.get(session, path.batch_id)
    if request.method == "HEAD":
        response = Response(mimetype=ZIP)
    else:
        blocks = archive.archive(current.session_factory(), current.store(), batch.id)
        response = current.state().stream_slots.stream(blocks, ZIP)
    response.headers["Content-Disposition"] = objects.content_disposition("attachment", f"{batch.name}.zip")
    return response


@admin_batch_results.get(
    "/<batch_id>/items/<item_id>/result", summary="Download one result", responses=batch_openapi.RESULT
)
@guards.admin_or_key("viewer", "batch", "storage")
def download_item_result(path: BatchItemPath) -> Response:
    """Return the masked picture of an item, through the service; for a detection, its entry of the manifest as JSON."""
    with current.session() as session:
        picture = archive.find_result(session, path.batch_id, path.item_id)
        if picture is None:
            found = archive.describe_item(session, path.batch_id, path.item_id)
            return Response(json.dumps(found, ensure_ascii=False), mimetype="application/json")
    response = Response(current.store().get(picture.key), mimetype=f"image/{picture.output_format}")
    response.headers["Content-Disposition"] = objects.content_disposition("attachment", picture.filename)
    if picture.sha256:
        digest = base64.b64encode(bytes.fromhex(picture.sha256)).decode()
        response.headers["Repr-Digest"] = f"sha-256=:{digest}:"  # RFC 9530
    return response


@admin_batch_results.get("/<batch_id>/events", summary="Watch a batch", responses=batch_openapi.EVENTS)
@guards.admin_or_key("viewer", "batch", "storage")
def watch_batch(path: BatchPath) -> Response:
    """Stream server-sent events: `progress` with the batch whenever it has changed, and `done` at its end."""
    events = batch_events.follow(path.batch_id)
    if request.method == "HEAD":
        return Response(mimetype=batch_openapi.EVENT_STREAM)
    return current.state().stream_slots.stream(events, batch_openapi.EVENT_STREAM)
