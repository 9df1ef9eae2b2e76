"""The Celery app: of the callers, who send with it, and of the programs that it runs."""

from celery import Celery

from core.config import Settings
from core.engine import wakeups
from core.engine.protocol import EXPIRY_MARGIN_S


def celery_app(settings: Settings) -> Celery:
    """Make the Celery app of these settings."""
    app = Celery("face-api", broker=settings.broker_url)
    app.config_from_object("celeryconfig")
    # A decoder that a hostile file keeps busy is ended after its caller has given up.
    app.conf.task_time_limit = settings.job_timeout_s + EXPIRY_MARGIN_S
    app.conf.task_annotations = {"work_batch": {"time_limit": settings.batch_item_timeout_s}} | wakeups.TIME_LIMITS
    return app
