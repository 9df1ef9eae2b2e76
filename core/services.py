"""The composition root: everything that a web process or a worker talks to, made from the settings."""

from dataclasses import dataclass

import redis

from core import db, queue, storage
from core.config import Settings
from core.db import Sessions
from core.queue import Queue
from core.storage import ObjectStore


@dataclass(frozen=True)
class Services:
    """What the settings put together. sessions is None when there is no database, store when nothing is to be kept."""

    settings: Settings
    queue: Queue
    sessions: Sessions | None
    store: ObjectStore | None


def build(settings: Settings) -> Services:
    """Put the services together; nothing is connected yet."""
    client = redis.Redis.from_url(settings.redis_url, socket_connect_timeout=2, socket_timeout=5)
    return Services(
        settings=settings,
        queue=Queue(settings, client, queue.celery_app(settings)),
        sessions=db.sessions(settings) if settings.database_enabled else None,
        store=storage.build(settings),
    )
