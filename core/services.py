"""The composition root: everything that a web process or a worker talks to, made from the settings."""

from dataclasses import dataclass

import redis

from core import db, queue, storage
from core.config import Settings
from core.db import Sessions
from core.keeping import Keeper
from core.queue import Queue
from core.storage import ObjectStore


@dataclass(frozen=True)
class Services:
    """What the settings put together. sessions is None without a database, store and keeper without a store."""

    settings: Settings
    redis: "redis.Redis"
    queue: Queue
    sessions: Sessions | None
    store: ObjectStore | None
    keeper: Keeper | None


def build(settings: Settings) -> Services:
    """Put the services together; nothing is connected yet."""
    client = redis.Redis.from_url(settings.redis_url, socket_connect_timeout=2, socket_timeout=5)
    sessions = db.sessions(settings) if settings.database_enabled else None
    store = storage.build(settings)
    way = queue.Queue(settings, client, queue.celery_app(settings))
    keeper = None
    if store is not None and sessions is not None:
        keeper = Keeper(store, sessions, settings.web_threads, way.count_unkept)
    return Services(settings=settings, redis=client, queue=way, sessions=sessions, store=store, keeper=keeper)
