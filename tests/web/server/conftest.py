"""Two ends of a connection."""

import socket
from collections.abc import Iterator

import pytest

from web.server.client_sockets import ClientSocket
from web.server.patience import Pace, SlowPlaces

SHORT = Pace(bytes_per_s=1_000_000, behind_s=0.2)
Pair = tuple[ClientSocket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """The server's socket, impatient, and the client's."""
    ours, theirs = socket.socketpair()
    with ClientSocket(ours, SHORT, SlowPlaces(1)) as client, theirs:
        yield client, theirs
