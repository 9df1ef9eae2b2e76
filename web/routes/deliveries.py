"""The messages to the webhooks of batches and videos: what became of them, and one made once more."""

import uuid

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from core.batches import lifecycle
from core.batches.videos import lifecycle as videos
from core.webhooks import events
from web import bodies, current
from web.auth import guards
from web.openapi import admin as openapi
from web.schemas.batches import BatchPath
from web.schemas.common import Paging
from web.schemas.videos import VideoPath
from web.schemas.webhooks import BatchDeliveryPath, DeliveryList, DeliveryResponse, VideoDeliveryPath

deliveries = APIBlueprint(
    "deliveries",
    __name__,
    url_prefix="/api/v1",
    abp_tags=[Tag(name="Webhook deliveries", description="What batches and videos told their webhooks.")],
)
LISTED = openapi.read(DeliveryList, openapi.UNKNOWN)
REDELIVERED = openapi.read(DeliveryResponse, openapi.UNKNOWN, openapi.UNSAFE)


@deliveries.get("/admin/batches/<batch_id>/deliveries", summary="List webhook deliveries", responses=LISTED)
@guards.admin_or_key("operator", "batch", "storage")
def list_batch_deliveries(path: BatchPath, query: Paging) -> Response:
    """List the messages to the batch's webhook: attempts, the last response, when the next attempt is due."""
    with current.session() as session:
        lifecycle.get(session, path.batch_id)
    return _list(query, batch_id=path.batch_id)


@deliveries.post(
    "/admin/batches/<batch_id>/deliveries/<delivery_id>/redeliver", summary="Deliver again", responses=REDELIVERED
)
@guards.admin_or_key("operator", "batch", "storage")
def redeliver_batch_delivery(path: BatchDeliveryPath) -> Response:
    """Deliver a message again that was delivered or given up, with all its attempts; a pending one stays as it is.

    The receiver gets it with the `webhook-id` that it had.
    """
    with current.session() as session:
        lifecycle.get(session, path.batch_id)
    return _redeliver(path.delivery_id, batch_id=path.batch_id)


@deliveries.get("/videos/<video_id>/deliveries", summary="List a video's webhook deliveries", responses=LISTED)
@guards.admin_or_key("operator", "video", "storage")
def list_video_deliveries(path: VideoPath, query: Paging) -> Response:
    """List the messages to the video's webhook: attempts, the last response, when the next attempt is due."""
    with current.session() as session:
        videos.get(session, path.video_id)
    return _list(query, video_id=path.video_id)


@deliveries.post(
    "/videos/<video_id>/deliveries/<delivery_id>/redeliver", summary="Deliver a video's again", responses=REDELIVERED
)
@guards.admin_or_key("operator", "video", "storage")
def redeliver_video_delivery(path: VideoDeliveryPath) -> Response:
    """Deliver a message again that was delivered or given up, with all its attempts; a pending one stays as it is."""
    return _redeliver(path.delivery_id, video_id=path.video_id)


def _list(query: Paging, **about: uuid.UUID) -> Response:
    with current.session() as session:
        page = events.page(session, query.page, query.per_page, **about)
    return bodies.as_json(DeliveryList.of(page, page.items))


def _redeliver(delivery_id: uuid.UUID, **about: uuid.UUID) -> Response:
    with current.session() as session:
        delivery = events.redeliver(session, delivery_id, **about)
    current.services().engine.wake_webhook_delivery()
    return bodies.as_json(DeliveryResponse.model_validate(delivery))
