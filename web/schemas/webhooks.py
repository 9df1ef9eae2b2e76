"""Webhook deliveries in the admin API."""

import uuid

from pydantic import BaseModel, Field

from web.openapi.batch_examples import A_DELIVERY
from web.schemas.batches import BatchPath
from web.schemas.common import DeliveryStatus, ListOf, Timestamp, example, example_page
from web.schemas.ids import PathId
from web.schemas.videos import VideoPath


class BatchDeliveryPath(BatchPath):
    delivery_id: PathId


class VideoDeliveryPath(VideoPath):
    delivery_id: PathId


class DeliveryResponse(BaseModel):
    """A message to a webhook. pending: it is sent, or will be sent again; failed: it was given up."""

    model_config = example(A_DELIVERY)

    id: uuid.UUID = Field(description="The receiver knows it as `webhook-id`: `msg_` and this without hyphens.")
    event: str
    url: str
    status: DeliveryStatus
    attempts: int
    last_status: int | None = Field(description="The status of the receiver's last response; null without one.")
    last_error: str | None
    next_attempt_at: Timestamp | None
    created_at: Timestamp
    delivered_at: Timestamp | None


class DeliveryList(ListOf[DeliveryResponse]):
    model_config = example_page(A_DELIVERY)
