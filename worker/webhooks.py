"""Webhook deliveries, in threads beside the tasks: a slow receiver must hold up neither pictures nor other senders."""

import threading

from celery import shared_task

from core.observability import logs
from core.services import Services
from core.webhooks import deliveries
from worker import maintenance

log = logs.get(__name__)
# chosen: as many senders have a receiver that keeps a thread waiting before the others wait, too
THREADS = 8
THREAD_NAME = "webhooks"
# Once per process. What a thread leaves undone, the next finds.
_free = threading.BoundedSemaphore(THREADS)
_senders = deliveries.Senders()


@shared_task(name="deliver_webhooks", acks_late=False)
def deliver_webhooks() -> None:
    """Start to deliver what is due."""
    services = maintenance.built_services()
    if _free.acquire(blocking=False):
        threading.Thread(target=_deliver, args=(services,), name=THREAD_NAME, daemon=True).start()


def _deliver(services: Services) -> None:
    try:
        if services.sessions is not None:
            deliveries.deliver_due(services.sessions, services.settings, _senders)
    except Exception:
        log.exception("webhook_delivery_failed")
    finally:
        _free.release()
