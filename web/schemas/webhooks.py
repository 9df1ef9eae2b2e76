"""Webhook deliveries as the admin API words them."""

import uuid
from typing import Literal, Self

from pydantic import BaseModel, Field

from core.database.models import WebhookDelivery
from web.openapi.examples import A_DELIVERY
from web.schemas.records import ListOf, Timestamp, example, example_page


class DeliveryResponse(BaseModel):
    """A message to a webhook. pending: it is sent, or sent again; failed: it is given up."""

    model_config = example(A_DELIVERY)

    id: uuid.UUID = Field(description="The receiver knows it as `webhook-id`: `msg_` and this without hyphens.")
    event: str
    url: str
    status: Literal["pending", "delivered", "failed"]
    attempts: int
    last_status: int | None = Field(description="What the receiver answered last; null without an answer.")
    last_error: str | None
    next_attempt_at: Timestamp | None
    created_at: Timestamp
    delivered_at: Timestamp | None

    @classmethod
    def of(cls, delivery: WebhookDelivery) -> Self:
        return cls(**{name: getattr(delivery, name) for name in cls.model_fields})


class DeliveryList(ListOf[DeliveryResponse]):
    model_config = example_page(A_DELIVERY)
