"""Webhook deliveries as the worker makes them: which are due, when the next attempt is, when one is given up.

Each is delivered at least once: a process that dies after sending and before recording it leaves it to be sent again,
under the same id.
"""

import threading
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus

from sqlalchemy import Uuid, func, literal, select, update
from sqlalchemy.orm import Session

from core.config import Settings
from core.contract.states import DeliveryStatus
from core.database.clock import database_time
from core.database.engine import SessionFactory
from core.database.models import Batch, Video, WebhookDelivery
from core.observability import logs, metrics
from core.webhooks import events, posts
from core.webhooks.addresses import AddressPolicy
from core.webhooks.events import NO_SECRET
from core.webhooks.posts import AttemptResult, WebhookMessage

log = logs.get(__name__)

# How long after each attempt that failed the next one comes, as Standard Webhooks proposes it.
RETRY_DELAYS = (
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
# No other process takes a claimed delivery for so long; longer than an attempt at every address of a host takes.
LEASE_S = 90
ADMINISTRATORS = uuid.UUID(int=0)  # the sender of what no API key has made
FAILED_HERE = "it could not be sent: the service's log says why"


@dataclass(frozen=True)
class DeliverySummary:
    """How many attempts were made, and how many of them succeeded."""

    attempts: int
    delivered: int


class Senders:
    """Whose messages this process is sending: of each sender one at a time, however many threads there are.

    A receiver that takes its time keeps nobody else's messages waiting. A sender is an API key, or the administrators.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._busy: set[uuid.UUID] = set()

    @contextmanager
    def claim(self, sessions: SessionFactory) -> Iterator[WebhookDelivery | None]:
        """Claim the next delivery of a sender who has none under way, None without one; it is under way to the end."""
        with self._lock, sessions() as session:
            delivery, sender = _claim_next(session, self._busy) or (None, ADMINISTRATORS)
            if delivery is not None:
                self._busy.add(sender)
        try:
            yield delivery
        finally:
            if delivery is not None:
                with self._lock:
                    self._busy.remove(sender)


def deliver_due(sessions: SessionFactory, settings: Settings, senders: Senders | None = None) -> DeliverySummary:
    """Attempt every delivery that is due, one after the other. senders: whose are left to other threads."""
    senders = senders or Senders()
    attempts = delivered = 0
    while True:
        with senders.claim(sessions) as delivery:
            if delivery is None:
                return DeliverySummary(attempts, delivered)
            result = _deliver(sessions, settings, delivery)
        attempts, delivered = attempts + 1, delivered + (not result.error)


def _deliver(sessions: SessionFactory, settings: Settings, delivery: WebhookDelivery) -> AttemptResult:
    """Attempt a claimed delivery, and record what became of it."""
    try:
        result = _attempt(delivery, settings)
    except Exception:  # of one message: it must not keep those behind it waiting
        log.exception("webhook_delivery_failed")
        result = AttemptResult(None, FAILED_HERE)
    with sessions() as session:
        _record(session, delivery, result)
    metrics.count(metrics.WEBHOOK_ATTEMPTS, "failed" if result.error else "delivered")
    outcome = result.error or "ok"
    about = str(delivery.batch_id or delivery.video_id)
    log.info("webhook_attempted", about=about, attempt=delivery.attempts, outcome=outcome)
    return result


def _claim_next(session: Session, busy: Collection[uuid.UUID] = ()) -> tuple[WebhookDelivery, uuid.UUID] | None:
    """Claim the delivery that has been due longest, so that no other process attempts it meanwhile. Commits.

    Return its sender, too. busy: senders whose deliveries are left for later.
    """
    sender = func.coalesce(Batch.api_key_id, Video.api_key_id, literal(ADMINISTRATORS, Uuid()))
    due = (
        select(WebhookDelivery, sender)
        .outerjoin(Batch, Batch.id == WebhookDelivery.batch_id)
        .outerjoin(Video, Video.id == WebhookDelivery.video_id)
        .where(WebhookDelivery.status == DeliveryStatus.PENDING, WebhookDelivery.next_attempt_at <= database_time())
        .where(sender.not_in(busy))
        .order_by(WebhookDelivery.next_attempt_at)
        .limit(1)
        .with_for_update(skip_locked=True, of=WebhookDelivery)
    )
    row = session.execute(due).first()
    if row is not None:
        row[0].attempts += 1
        row[0].next_attempt_at = database_time(LEASE_S)
    session.commit()
    return (row[0], row[1]) if row else None


def _attempt(delivery: WebhookDelivery, settings: Settings) -> AttemptResult:
    if not settings.webhook_secrets:
        return AttemptResult(None, NO_SECRET)
    body = events.body(delivery.payload, settings)
    message = WebhookMessage(f"msg_{delivery.id.hex}", delivery.url, body, tuple(settings.webhook_secrets))
    return posts.post(message, AddressPolicy.of(settings))


def _record(session: Session, claimed: WebhookDelivery, result: AttemptResult) -> None:
    """Store the result of an attempt, and when the next one is. Commits."""
    delivery = session.get(WebhookDelivery, claimed.id)
    if delivery is None:
        return
    delivery.last_status, delivery.last_error = result.status, result.error or None
    delivery.next_attempt_at = None
    if not result.error:
        delivery.status, delivery.delivered_at = DeliveryStatus.DELIVERED, database_time()
    elif result.status == HTTPStatus.GONE:
        _cancel_all(session, delivery.url)
    elif claimed.attempts > len(RETRY_DELAYS):
        delivery.status = DeliveryStatus.FAILED
    else:
        delivery.next_attempt_at = database_time(RETRY_DELAYS[claimed.attempts - 1].total_seconds())
    session.commit()


def _cancel_all(session: Session, url: str) -> None:
    """Give up every pending delivery to a receiver that has answered that it wants none (410)."""
    pending = update(WebhookDelivery).where(
        WebhookDelivery.url == url, WebhookDelivery.status == DeliveryStatus.PENDING
    )
    session.execute(pending.values(status=DeliveryStatus.FAILED, next_attempt_at=None))
