"""Webhook events: which URL may be named, what is sent to it, how each delivery goes. Nothing is sent here.

A delivery is a row of the transaction that ends its batch or video, so none is lost and none is made up.
"""

import json
import uuid

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from core.config import Settings
from core.contract.deeds import Deed
from core.contract.states import DeliveryStatus
from core.database import audits, pages
from core.database.clock import database_time, now
from core.database.models import Batch, Video, WebhookDelivery
from core.database.pages import Page
from core.errors import InvalidOption, NotFound
from core.errors.problems import FieldProblem
from core.webhooks import addresses
from core.webhooks.addresses import AddressPolicy, ForbiddenAddress

DAY_S = 86400
COUNTS = ("total", "completed", "failed", "cancelled", "refused", "deleted")
NO_SECRET = "webhooks are signed: set FACE_API_WEBHOOK_SECRET first"  # noqa: S105  # no secret: words about it


def validate_url(url: str, settings: Settings) -> None:
    """Refuse a URL that would never be called; InvalidOption."""
    problem = "" if settings.webhook_secrets else NO_SECRET
    try:
        addresses.parse(url, AddressPolicy.of(settings))
    except ForbiddenAddress as error:
        problem = str(error)
    if problem:
        detail = f"this URL will not be called: {problem}"
        raise InvalidOption.of([FieldProblem("webhook_url", detail)])


def enqueue_batch_event(session: Session, batch_id: uuid.UUID) -> None:
    """Add the delivery of a batch's end, if the batch names a receiver; part of the caller's transaction."""
    batch = session.get(Batch, batch_id, populate_existing=True)
    if batch is None or batch.webhook_url is None:
        return
    event = f"batch.{batch.status}"
    counts = {name: getattr(batch, name) for name in COUNTS}
    data = {"id": str(batch.id), "name": batch.name, "job_type": batch.job_type, "status": batch.status}
    payload = {"type": event, "timestamp": now().isoformat(), "data": data | {"counts": counts, "faces": batch.faces}}
    session.add(WebhookDelivery(batch_id=batch.id, event=event, url=batch.webhook_url, payload=json.dumps(payload)))
    session.flush()


def enqueue_video_event(session: Session, video: Video) -> None:
    """Add the delivery of a video's end, if the video names a receiver; part of the caller's transaction."""
    if video.webhook_url is None:
        return
    event = f"video.{video.status}"
    error = {"code": video.error_code, "detail": video.error_detail} if video.error_code else None
    data = {"id": str(video.id), "filename": video.filename, "status": video.status, "error": error}
    payload = {"type": event, "timestamp": now().isoformat(), "data": data | {"faces_tracked": video.faces_tracked}}
    session.add(WebhookDelivery(video_id=video.id, event=event, url=video.webhook_url, payload=json.dumps(payload)))
    session.flush()


def delete_old(session: Session, days: int) -> int:
    """Delete the deliveries of messages that are so many days old and no longer sent; return how many. Commits."""
    old = delete(WebhookDelivery).where(WebhookDelivery.created_at < database_time(-days * DAY_S))
    ended = old.where(WebhookDelivery.status != DeliveryStatus.PENDING).returning(WebhookDelivery.id)
    deleted = session.scalars(ended.execution_options(synchronize_session=False)).all()
    session.commit()
    return len(deleted)


def waiting(session: Session) -> int:
    """Return how many deliveries are still to be made."""
    pending = select(func.count()).where(WebhookDelivery.status == DeliveryStatus.PENDING)
    return session.scalar(pending) or 0


def body(payload: str, settings: Settings) -> str:
    """Return what is sent of an event: with the URL of its batch or video, where the service has a public one."""
    if not settings.public_url:
        return payload
    message = json.loads(payload)
    path = "videos" if message["type"].startswith("video.") else "admin/batches"
    message["data"]["url"] = f"{settings.public_url}/api/v1/{path}/{message['data']['id']}"
    return json.dumps(message)


def page(session: Session, page: int, per_page: int, **about: uuid.UUID) -> Page[WebhookDelivery]:
    """Return one page of the deliveries of a batch or a video, newest first. about: its `batch_id` or `video_id`."""
    deliveries = select(WebhookDelivery).filter_by(**about)
    newest_first = deliveries.order_by(WebhookDelivery.created_at.desc(), WebhookDelivery.id.desc())
    return pages.fetch(session, newest_first, page, per_page)


def redeliver(session: Session, delivery_id: uuid.UUID, **about: uuid.UUID) -> WebhookDelivery:
    """Have a delivery that has ended made once more, as if it had never been tried; NotFound. Commits.

    One that is pending stays as it is. about: the `batch_id` or `video_id` that it is of.
    """
    one = update(WebhookDelivery).filter_by(id=delivery_id, **about)
    again = one.where(WebhookDelivery.status != DeliveryStatus.PENDING).values(
        status=DeliveryStatus.PENDING, attempts=0, next_attempt_at=database_time(), delivered_at=None
    )
    if session.scalar(again.returning(WebhookDelivery.id).execution_options(synchronize_session=False)):
        audits.record(session, Deed.WEBHOOK_REDELIVERED, delivery_id, **{name: str(of) for name, of in about.items()})
    session.commit()
    delivery = session.scalar(select(WebhookDelivery).filter_by(id=delivery_id, **about))
    if delivery is None:
        raise NotFound(f"there is no delivery {delivery_id}")
    return delivery
