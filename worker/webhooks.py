"""Webhook deliveries, in a thread beside the tasks: a slow receiver must not hold up a picture."""

import threading

from celery import shared_task

from core.observability import logs
from core.services import Services
from core.webhooks import deliveries
from worker import maintenance

log = logs.get(__name__)
# One thread per process is enough; what it leaves undone, the next finds.
_delivering = threading.Lock()


@shared_task(name="deliver_webhooks", acks_late=False)
def deliver_webhooks() -> None:
    """Start to deliver what is due."""
    services = maintenance.built_services()
    if _delivering.acquire(blocking=False):
        threading.Thread(target=_deliver, args=(services,), name="webhooks", daemon=True).start()


def _deliver(services: Services) -> None:
    try:
        if services.sessions is not None:
            deliveries.deliver_due(services.sessions, services.settings)
    except Exception:
        log.exception("webhook_delivery_failed")
    finally:
        _delivering.release()
