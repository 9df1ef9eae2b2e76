"""The way to the queue: a client that is kept, where kombu makes two for each message, soon back after outages, and no
message in a file.
"""

from typing import Any

from celery import Celery
from kombu import Connection
from kombu.transport import redis, virtual

from core.config import Settings
from core.engine import celery_apps
from core.observability import logs

log = logs.get(__name__)

# chosen: calls wait for a worker no longer than that after Redis is back
FIRST_RETRY_S, LAST_RETRY_S = 1.0, 2.0


class TakenMessages(virtual.QoS):
    """What a worker has taken and not finished. At the end it is given back, if Redis is there."""

    def restore_unacked(self) -> list[Any]:  # type: ignore[override]  # its types lack what it returns
        """Give it back. What can't be is nowhere any more: whoever waits for it sends it again.

        kombu would write it into a file that nobody reads or removes, and a message tells where a picture has faces.
        """
        failures: Any = super().restore_unacked()
        for error, message in failures:
            log.warning("message_not_returned", task=message.headers.get("task"), error=logs.reason(error))
        return []


class KeptClientChannel(redis.Channel):
    """A channel that keeps its client; to make one takes as long as what it is made for."""

    _kept: Any = None

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if not self.ack_emulation:
            self.QoS = TakenMessages  # type: ignore[assignment]  # its types name another package's QoS

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

    def get_transport_cls(self) -> type[Transport]:
        """Return the transport of this module; under a name of its own kombu would leave out TLS."""
        return Transport

    def ensure_connection(self, *args: Any, **options: Any) -> Any:
        waits = {"interval_start": FIRST_RETRY_S, "interval_step": FIRST_RETRY_S, "interval_max": LAST_RETRY_S}
        return super().ensure_connection(*args, **waits | options)


def celery_app(settings: Settings) -> Celery:
    """Make a worker's app, which takes this way."""
    app = celery_apps.celery_app(settings)
    app.amqp.Connection = PromptConnection
    return app
