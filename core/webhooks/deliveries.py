"""Webhooks: what receivers are told, by when, and what came of it. All SQL about them.

A delivery is a row of the transaction that ends its batch, so none is lost and none is made up. It is delivered at
least once: whoever dies after sending and before noting it sends it again, under the same id.
"""

import json
import uuid
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from core import logs
from core.config import Settings
from core.database import pages
from core.database.clock import now
from core.database.engine import SessionFactory
from core.database.models import Batch, WebhookDelivery
from core.database.pages import Page
from core.errors import FieldProblem, InvalidOption
from core.webhooks import addresses, posts
from core.webhooks.addresses import ForbiddenAddress
from core.webhooks.posts import AttemptResult, WebhookMessage

log = logs.get(__name__)

# How long after each attempt that failed the next one comes, as Standard Webhooks proposes it.
PAUSES = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
# Nobody else is given a delivery that somebody is at; longer than an attempt at every address of a host takes.
LEASE = timedelta(seconds=90)
NO_SECRET = "webhooks are signed: set FACE_API_WEBHOOK_SECRET first"  # noqa: S105  # no secret: words about it


@dataclass(frozen=True)
class DeliverySummary:
    """How many attempts there were, and how many of them were taken."""

    attempts: int
    taken: int


def validate_url(url: str, settings: Settings) -> None:
    """Refuse a URL that would never be called; InvalidOption."""
    problem = "" if settings.webhook_secret.get_secret_value() else NO_SECRET
    try:
        addresses.parse(url, allow_private=settings.webhook_allow_private)
    except ForbiddenAddress as error:
        problem = str(error)
    if problem:
        told = f"this URL will not be called: {problem}"
        raise InvalidOption(f"webhook_url: {told}", problems=(FieldProblem("webhook_url", told),))


def enqueue_batch_event(session: Session, batch_id: uuid.UUID) -> None:
    """Note that the receiver of a batch, if it has one, is to be told of its end; part of the transaction."""
    batch = session.get(Batch, batch_id, populate_existing=True)
    if batch is None or batch.webhook_url is None:
        return
    event = f"batch.{batch.status}"
    counts = {name: getattr(batch, name) for name in ("total", "completed", "failed", "cancelled")}
    data = {"id": str(batch.id), "name": batch.name, "job_type": batch.job_type, "status": batch.status}
    payload = {"type": event, "timestamp": now().isoformat(), "data": data | {"counts": counts, "faces": batch.faces}}
    session.add(WebhookDelivery(batch_id=batch.id, event=event, url=batch.webhook_url, payload=json.dumps(payload)))
    session.flush()


def deliver_due(sessions: SessionFactory, settings: Settings) -> DeliverySummary:
    """Deliver what is due, one after the other."""
    attempts = taken = 0
    while True:
        with sessions() as session:
            delivery = _take(session)
        if delivery is None:
            return DeliverySummary(attempts, taken)
        answer = _attempt(delivery, settings)
        with sessions() as session:
            _note(session, delivery, answer)
        attempts, taken = attempts + 1, taken + (not answer.error)
        outcome = answer.error or "ok"
        log.info("webhook", batch=str(delivery.batch_id), attempt=delivery.attempts, outcome=outcome)


def page(session: Session, batch_id: uuid.UUID, page: int, per_page: int) -> Page[WebhookDelivery]:
    """Return one page of a batch's deliveries, newest first."""
    total = session.scalar(select(func.count()).where(WebhookDelivery.batch_id == batch_id)) or 0
    newest_first = select(WebhookDelivery).where(WebhookDelivery.batch_id == batch_id)
    newest_first = newest_first.order_by(WebhookDelivery.created_at.desc(), WebhookDelivery.id.desc())
    found = session.scalars(newest_first.offset(pages.offset(page, per_page, total)).limit(per_page))
    return Page(list(found), total, page, per_page)


def _take(session: Session) -> WebhookDelivery | None:
    """Take the delivery that is due longest, and keep it from others for a while. Commits."""
    due = (
        select(WebhookDelivery)
        .where(WebhookDelivery.status == "pending", WebhookDelivery.next_attempt_at <= now())
        .order_by(WebhookDelivery.next_attempt_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    found = session.scalar(due)
    if found is not None:
        found.attempts += 1
        found.next_attempt_at = now() + LEASE
    session.commit()
    return found


def _attempt(delivery: WebhookDelivery, settings: Settings) -> AttemptResult:
    secret = settings.webhook_secret.get_secret_value()
    if not secret:
        return AttemptResult(None, NO_SECRET)
    message = WebhookMessage(f"msg_{delivery.id.hex}", delivery.url, delivery.payload, secret)
    return posts.post(message, allow_private=settings.webhook_allow_private)


def _note(session: Session, taken: WebhookDelivery, answer: AttemptResult) -> None:
    """Write down what came of an attempt, and when the next one is. Commits."""
    found = session.get(WebhookDelivery, taken.id)
    if found is None:
        return
    found.last_status, found.last_error = answer.status, answer.error or None
    found.next_attempt_at = None
    if not answer.error:
        found.status, found.delivered_at = "delivered", now()
    elif answer.status == HTTPStatus.GONE:
        _disable(session, found.url)
    elif taken.attempts > len(PAUSES):
        found.status = "failed"
    else:
        found.next_attempt_at = now() + PAUSES[taken.attempts - 1]
    session.commit()


def _disable(session: Session, url: str) -> None:
    """Tell a receiver that has said it wants nothing more nothing more."""
    waiting = update(WebhookDelivery).where(WebhookDelivery.url == url, WebhookDelivery.status == "pending")
    session.execute(waiting.values(status="failed", next_attempt_at=None))
