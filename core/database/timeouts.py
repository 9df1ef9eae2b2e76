"""A Postgres that hangs: psycopg2 would wait for its answer for ever, as every caller then would.

And a Postgres or a client whose machine is gone: each side notices by itself. The server, too, because a transaction
of a client that is gone keeps its locks until then, which by default are two hours.
"""

import select
import threading
import time
from typing import Any

import psycopg2
from psycopg2 import extensions
from sqlalchemy import Engine, event

from core.system import sockets

PAUSE_S = 1.0  # chosen: a server that goes on is used again within about two seconds
CONNECT_S = 2.0  # chosen: what TCP tries again every few seconds only, a new connection finds at once
KEEPALIVE = {
    "keepalives_idle": sockets.IDLE_S,
    "keepalives_interval": sockets.EVERY_S,
    "keepalives_count": sockets.PROBES,
    "tcp_user_timeout": sockets.GONE_AFTER_S * 1000,
}
# The same at the server's end. Settings of the session: in the packet that begins it a pooler would refuse them.
SERVER_KEEPALIVE = (
    f"SET tcp_keepalives_idle = {sockets.IDLE_S}; SET tcp_keepalives_interval = {sockets.EVERY_S};"
    f" SET tcp_keepalives_count = {sockets.PROBES}; SET tcp_user_timeout = {sockets.GONE_AFTER_S * 1000}"
)
ESTABLISHED = {extensions.STATUS_READY, extensions.STATUS_BEGIN, extensions.STATUS_PREPARED}


class SilenceBreaker:
    """Ends what has waited too long; after a silence one caller finds out how it is, and the others fail at once."""

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self._lock = threading.Lock()
        self._silent_at: float | None = None  # by time.monotonic(); None: the server answers
        self._trying = False

    def connect(self, dialect: Any, args: Any, options: Any) -> Any:
        """Connect, unless the server has been silent a moment ago or somebody else finds out whether it still is."""
        with self._lock:
            silent_at = self._silent_at
            if silent_at is not None:
                if self._trying or time.monotonic() < silent_at + PAUSE_S:
                    raise psycopg2.OperationalError("the database is silent, and is not asked again yet")
                self._trying = True
        try:
            return dialect.connect(*args, **options)
        finally:
            with self._lock:
                if silent_at is not None:
                    self._trying = False
                if self._silent_at == silent_at:  # it has answered, if only with an error
                    self._silent_at = None

    def wait(self, connection: Any) -> None:
        """Wait until the server has answered; OperationalError when it says nothing for too long."""
        while (state := connection.poll()) != extensions.POLL_OK:
            waiting = select.poll()  # select.select knows no descriptors above 1023
            waiting.register(connection.fileno(), select.POLLIN if state == extensions.POLL_READ else select.POLLOUT)
            if not waiting.poll(self._patience_s(connection) * 1000):
                self._silent_at = time.monotonic()
                raise psycopg2.OperationalError(f"the database has said nothing for {self._patience_s(connection):g} s")

    def _patience_s(self, connection: Any) -> float:
        connecting = connection.status not in ESTABLISHED
        return min(CONNECT_S, self.timeout_s) if connecting else self.timeout_s


def install(engine: Engine, timeout_s: float) -> None:
    """Have an engine's connections wait so long for each answer, at most; psycopg2 closes those that have."""
    breaker = SilenceBreaker(timeout_s)
    # psycopg2 knows one function for all connections: it asks each what to do.
    factory = type("Connection", (extensions.connection,), {"breaker": breaker})
    extensions.set_wait_callback(_wait)

    @event.listens_for(engine, "do_connect")
    def connect(dialect: Any, _record: Any, args: Any, options: Any) -> Any:
        return breaker.connect(dialect, args, options | {"connection_factory": factory})


def have_server_keep_alive(connection: Any, _record: Any) -> None:
    """Have the server ask now and then whether the client of a new connection is still there."""
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(SERVER_KEEPALIVE)
    connection.autocommit = False


def _wait(connection: Any) -> None:
    getattr(connection, "breaker", PATIENT).wait(connection)


PATIENT = SilenceBreaker(7 * 86400)  # of connections that were made without an engine
