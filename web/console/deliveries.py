"""The messages to a webhook, as the pages of a batch and of a video show them."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Self

from flask import url_for
from sqlalchemy.orm import Session

from core.database.models import WebhookDelivery
from core.webhooks import events

SHOWN = 10  # chosen: all that a batch has unless it was retried often


@dataclass(frozen=True)
class ShownDeliveries:
    """The newest deliveries; url: where one of them is delivered again, by its id."""

    rows: Sequence[WebhookDelivery]
    url: Callable[..., str]

    @classmethod
    def of(cls, session: Session, endpoint: str, **about: uuid.UUID) -> Self:
        """Read the deliveries of a batch or a video, of its `batch_id` or `video_id`."""
        page = events.page(session, 1, SHOWN, **about)
        return cls(page.items, partial(url_for, f"deliveries.{endpoint}", **about))  # type: ignore[arg-type]  # ids
