"""Connections to a server whose machine is gone without a word: cut off, or without power.

Nothing ends them: TCP sends what it has again for a quarter of an hour, and whoever only waits for an answer does so
for ever. With these options the system asks by itself whether the other is still there.
"""

import socket

# chosen: a network that hiccups is survived; and what a machine that is gone had locked in the database is free before
# anybody who waits for it takes the database for silent
IDLE_S, EVERY_S, PROBES = 4, 1, 4
GONE_AFTER_S = IDLE_S + EVERY_S * PROBES
_BY_NAME = {
    "TCP_KEEPIDLE": IDLE_S,
    "TCP_KEEPINTVL": EVERY_S,
    "TCP_KEEPCNT": PROBES,
    "TCP_USER_TIMEOUT": GONE_AFTER_S * 1000,  # for what was sent and is not acknowledged
}


def keepalive() -> dict[int, int]:
    """Return TCP's options and their values, of those that this system has; SO_KEEPALIVE switches them on."""
    return {getattr(socket, name): value for name, value in _BY_NAME.items() if hasattr(socket, name)}
