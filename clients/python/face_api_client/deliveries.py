"""Messages to the webhooks of batches and videos."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

DeliveryStatus = Literal["pending", "delivered", "failed"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message. pending: it is sent, or will be again, at next_attempt_at; failed: it was given up.

    last_status: of the receiver's last response, None without one.
    """

    id: str
    event: str
    url: str
    status: DeliveryStatus
    attempts: int
    last_status: int | None
    last_error: str | None
    next_attempt_at: datetime | None
    created_at: datetime
    delivered_at: datetime | None
