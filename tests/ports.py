"""Ports on loopback for the tests' servers. Several processes, and several runs, may test on one machine at once."""

import fcntl
import functools
import itertools
import os
import random
import socket
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

# Below those that the system gives to connections, where one that is free now may be taken a moment later.
FIRST_PORT, PORTS = 12_000, 20_000


def free_port() -> int:
    """Find a port on loopback that nobody listens on, and that no other process of tests has been given."""
    return next(port for port in _ports if reserve(port))


def reserve(port: int) -> bool:
    """Take a port for as long as this process lives, if it is free: no other process can reserve it."""
    with suppress(OSError), socket.socket() as probe:
        fcntl.lockf(_locks(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
        probe.bind(("127.0.0.1", port))
        return True
    return False


def _candidates() -> Iterator[int]:
    """Yield all ports for ever, from one at random: those of the last run may still be in use."""
    begin = random.SystemRandom().randrange(PORTS)
    yield from (FIRST_PORT + (begin + step) % PORTS for step in itertools.count())


_ports = _candidates()  # once per process: no port is given twice before all others were


@functools.cache
def _locks() -> int:
    """Open the file whose bytes are the ports: the system locks them for a process, and unlocks them when it ends.

    It is never closed: to close it anywhere in the process would unlock all of them.
    """
    return os.open(Path(tempfile.gettempdir()) / f"face-api-test-ports-{os.getuid()}", os.O_RDWR | os.O_CREAT, 0o600)
