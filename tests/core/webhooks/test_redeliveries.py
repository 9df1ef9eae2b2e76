"""A message that has ended is delivered once more when somebody asks for it."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from core.config import Settings
from core.contract.states import DeliveryStatus
from core.database.engine import SessionFactory
from core.database.models import AuditRecord, WebhookDelivery
from core.errors import NotFound
from core.webhooks import deliveries, events
from core.webhooks.deliveries import RETRY_DELAYS, DeliverySummary
from tests.core.webhooks.conftest import Receiver, all_deliveries, ended


def redelivered(sessions: SessionFactory, batch_id: uuid.UUID) -> WebhookDelivery:
    (delivery,) = all_deliveries(sessions)
    with sessions() as session:
        return events.redeliver(session, delivery.id, batch_id=batch_id)


def deeds(sessions: SessionFactory) -> list[AuditRecord]:
    with sessions() as session:
        return session.query(AuditRecord).filter_by(deed="webhook.redelivered").all()


def test_delivered_message_is_delivered_again(sessions: SessionFactory, settings: Settings, receiver: Receiver) -> None:
    batch_id = ended(sessions, receiver.url)
    deliveries.deliver_due(sessions, settings)
    delivery = redelivered(sessions, batch_id)
    assert (delivery.status, delivery.attempts, delivery.delivered_at) == (DeliveryStatus.PENDING, 0, None)
    assert deliveries.deliver_due(sessions, settings) == DeliverySummary(1, 1)
    (_, first, body), (_, second, again) = receiver.got
    assert (first["webhook-id"], body) == (second["webhook-id"], again)
    assert [one.status for one in all_deliveries(sessions)] == ["delivered"]
    (deed,) = deeds(sessions)
    assert (deed.target, deed.detail) == (delivery.id, {"batch_id": str(batch_id)})


def test_given_up_message_has_all_its_attempts_again(
    sessions: SessionFactory, settings: Settings, receiver: Receiver
) -> None:
    batch_id = ended(sessions, receiver.url)
    with sessions() as session:
        attempts = len(RETRY_DELAYS) + 1
        session.execute(update(WebhookDelivery).values(status="failed", attempts=attempts, next_attempt_at=None))
        session.commit()
    redelivered(sessions, batch_id)
    receiver.statuses = [503]
    assert deliveries.deliver_due(sessions, settings) == DeliverySummary(1, 0)
    (delivery,) = all_deliveries(sessions)
    assert (delivery.status, delivery.attempts, delivery.last_status) == ("pending", 1, 503)


def test_pending_message_stays_as_it_is(sessions: SessionFactory, settings: Settings, receiver: Receiver) -> None:
    receiver.statuses = [503]
    batch_id = ended(sessions, receiver.url)
    deliveries.deliver_due(sessions, settings)
    delivery = redelivered(sessions, batch_id)
    assert (delivery.attempts, delivery.last_status) == (1, 503)
    assert delivery.next_attempt_at and delivery.next_attempt_at > datetime.now(UTC) + timedelta(seconds=1)
    assert deeds(sessions) == []


def test_message_of_another_batch_is_not_found(
    sessions: SessionFactory, settings: Settings, receiver: Receiver
) -> None:
    other = ended(sessions, None)
    ended(sessions, receiver.url)
    deliveries.deliver_due(sessions, settings)
    with pytest.raises(NotFound):
        redelivered(sessions, other)
    assert [one.status for one in all_deliveries(sessions)] == ["delivered"]
