"""Ports for the tests' servers: several runs on one machine, each of which finds its own."""

import socket
import subprocess
import sys

from core.config import ROOT
from tests import ports

TAKE = "import sys; from tests import ports; print(ports.free_port(), flush=True); sys.stdin.read()"


def test_port_of_another_run_is_not_given_again() -> None:
    """Nobody listens there yet: the other run has only been given it."""
    with subprocess.Popen(
        [sys.executable, "-c", TAKE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as other:
        assert other.stdout
        taken = int(other.stdout.readline())
        assert not ports.reserve(taken)
        assert ports.free_port() != taken
        other.communicate()


def test_port_that_somebody_listens_on_is_not_given() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert not ports.reserve(server.getsockname()[1])


def test_no_port_is_given_twice() -> None:
    assert len({ports.free_port() for _ in range(50)}) == 50
