"""The way to the queue: a client that is kept, where kombu makes two for each message, and soon back after outages."""

from typing import Any

from celery import Celery
from kombu import Connection
from kombu.transport import redis

from core.config import Settings
from core.engine import client

# chosen: calls wait for a worker no longer than that after Redis is back
FIRST_RETRY_S, LAST_RETRY_S = 1.0, 2.0


class KeptClientChannel(redis.Channel):
    """A channel that keeps its client; to make one takes as long as what it is made for."""

    _kept: Any = None

    def _create_client(self, asynchronous: bool = False) -> Any:
        if asynchronous:  # holds a connection of its own
            return super()._create_client(asynchronous=True)  # type: ignore[misc]  # its types lack what is private
        if self._kept is None or self._kept.connection_pool is not self.pool:  # another after a fork
            self._kept = super()._create_client()  # type: ignore[misc]  # its types lack what is private
        return self._kept


class Transport(redis.Transport):
    Channel = KeptClientChannel


class PromptConnection(Connection):
    """A connection that is tried again every two seconds; kombu would wait two more each time, up to 30."""

    def ensure_connection(self, *args: Any, **options: Any) -> Any:
        waits = {"interval_start": FIRST_RETRY_S, "interval_step": FIRST_RETRY_S, "interval_max": LAST_RETRY_S}
        return super().ensure_connection(*args, **waits | options)


def path_for(redis_url: str) -> str | None:
    """Return Celery's `broker_transport`; None, which is its own choice, for TLS: kombu goes by the name there."""
    return f"{__name__}:Transport" if redis_url.startswith("redis://") else None


def celery_app(settings: Settings) -> Celery:
    """Make a worker's app, which takes this way."""
    app = client.celery_app(settings)
    app.amqp.Connection = PromptConnection
    app.conf.broker_transport = path_for(settings.redis_urls[0])
    return app
