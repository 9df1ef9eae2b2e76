"""Ports on loopback for the tests' servers. Several processes run tests at once: each has a range of its own."""

import contextlib
import itertools
import os
import random
import socket
from collections.abc import Iterator

# Below those that the system gives to connections, where one that is free now may be taken a moment later.
FIRST_PORT, PORT_RANGES, PORTS = 12_000, 20, 1_000


def _port_range() -> Iterator[int]:
    """Yield the ports of this process for ever: below those that the system gives to connections, and no process's own.

    The first is at random, so that two runs on one machine rarely try the same.
    """
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first, count = FIRST_PORT + number % PORT_RANGES * PORTS, PORTS
    begin = random.SystemRandom().randrange(count)
    yield from (first + (begin + step) % count for step in itertools.count())


_ports = _port_range()  # once per process: no port is given twice before all others were


def free_port() -> int:
    """Find a port on loopback that nobody listens on, and that no other test process will be given."""
    for port in _ports:
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("the ports never end")
