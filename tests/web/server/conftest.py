"""Two ends of a connection."""

import socket
from collections.abc import Iterator

import pytest

from web.server.client_sockets import ClientSocket
from web.server.patience import Pace, SlowPlaces

SHORT = Pace(bytes_per_s=1_000_000, behind_s=0.2)
LONG = Pace(bytes_per_s=1_000_000, behind_s=120)  # chosen: however busy the machine is, a test is no slow client
Pair = tuple[ClientSocket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """The server's socket, impatient, and the client's."""
    yield from _pair(SHORT)


@pytest.fixture
def patient_pair() -> Iterator[Pair]:
    """The same, and the server's is patient."""
    yield from _pair(LONG)


def _pair(pace: Pace) -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    with ClientSocket(ours, pace, SlowPlaces(1)) as client, theirs:
        yield client, theirs
