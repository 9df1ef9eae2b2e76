"""Messages that say only that there is work: what to do stands in the tables, so one that is lost is sent again."""

from contextlib import suppress
from typing import Literal

import kombu.exceptions
import redis
from celery import Celery

from core.engine.protocol import BATCHES, MAINTENANCE

Work = Literal["work_batch", "work_video"]

WAKEUP_EXPIRY_S = 5.0  # beat sends one as often
# The queue holds at most so many messages of a kind, however many items or steps the tables have queued.
# chosen: one for a process that is about to be free on each of some machines; each that is taken is replaced
MAX_WAKEUPS = 4
# How long a process may work on one step of a video, the calls that it answers between included.
# chosen: ten times what 10 s of 4K take at `balanced` on a slow CPU; one that stands still is ended much earlier
VIDEO_STEP_LIMIT_S = 3600.0
TIME_LIMITS = {"work_video": {"time_limit": VIDEO_STEP_LIMIT_S}}


def wake(client: "redis.Redis", celery: Celery, work: Work) -> None:
    """Wake workers for pictures of batches, or for videos."""
    with suppress(redis.RedisError, kombu.exceptions.OperationalError):
        name = f'"{work}"'.encode()
        queued = sum(name in message for message in client.lrange(BATCHES, 0, -1))
        for _ in range(MAX_WAKEUPS - queued):
            celery.send_task(work, queue=BATCHES, retry=False)


def wake_webhook_delivery(celery: Celery) -> None:
    """Have due webhooks delivered now; beat does that, too, a little later."""
    with suppress(redis.RedisError, kombu.exceptions.OperationalError):
        celery.send_task("deliver_webhooks", queue=MAINTENANCE, retry=False, expires=WAKEUP_EXPIRY_S)
