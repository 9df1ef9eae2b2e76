"""Connections to Redis: an answer is waited for shortly, and a large picture has time to get there.

A time-out is of the whole of what is sent, however much that is, but of each part of what is read.
"""

from collections.abc import Iterable
from typing import Any

from redis.connection import Connection, SSLConnection

# Up to here the usual time-out is long enough; setting another costs as much as sending.
SMALL_BYTES = 512 * 1024  # chosen: most photographs of a megapixel
BYTES_PER_S = 6 * 2**20  # chosen: half of what a link of 100 Mbit/s carries


class PicturesConnection(Connection):
    """A connection whose time-out for sending grows with what is sent, all of which goes at once.

    redis-py would send a picture by itself, and wake the server for it before the rest is there.
    """

    def send_packed_command(self, command: str | Iterable[bytes], check_health: bool = True) -> None:  # redis-py's own
        """Send a command, or several."""
        pieces = [command.encode()] if isinstance(command, str) else list(command)
        packed = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        base: Any = super()  # redis-py's own has no types
        if len(packed) <= SMALL_BYTES:
            base.send_packed_command([packed], check_health)
            return
        self.connect_check_health(check_health=False)
        if check_health:
            base.check_health()
        self._set_timeout((self.socket_timeout or 0.0) + len(packed) / BYTES_PER_S)
        try:
            base.send_packed_command([packed], check_health=False)
        finally:
            self._set_timeout(self.socket_timeout)

    def _set_timeout(self, seconds: float | None) -> None:
        sock: Any = self._sock
        if sock:  # none is left when sending has failed
            sock.settimeout(seconds)


class PicturesTlsConnection(PicturesConnection, SSLConnection):
    """The same over TLS."""


def connection_class(url: str) -> type[Any]:
    """Return the class of the connections to a server."""
    return PicturesTlsConnection if url.startswith("rediss://") else PicturesConnection
