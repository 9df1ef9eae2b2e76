"""kombu's Redis transport with a client that is kept: kombu makes two for each message, to take it and to end it."""

from typing import Any

from kombu.transport import redis


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


def path_for(redis_url: str) -> str | None:
    """Return Celery's `broker_transport`; None, which is its own choice, for TLS: kombu goes by the name there."""
    return f"{__name__}:Transport" if redis_url.startswith("redis://") else None
