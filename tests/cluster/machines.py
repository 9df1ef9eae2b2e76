"""Network namespaces as machines: each has an address and loopback of its own; a router between can cut it off.

What runs this stands in a namespace of its own, where tests/cluster/__main__.py has put it: it is the router, and what
it makes is gone when it ends, however it does. Nothing of the host's network is seen or touched.
"""

import contextlib
import ctypes
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# chosen: private, and never seen outside of these namespaces; each machine has a network with the router alone
NETWORK = "10.203"
CLONE_NEWNET = 0x40000000
ESTABLISHED = "01"  # as /proc says it
OWN_NAMESPACE = Path("/proc/thread-self/ns/net")


@dataclass(frozen=True)
class Machine:
    """A network namespace. number: of its network; keeper: the process without which there would be no namespace."""

    number: int
    keeper: "subprocess.Popen[bytes]"

    @property
    def address(self) -> str:
        return f"{NETWORK}.{self.number}.2"

    @property
    def link(self) -> str:
        """The router's end of its cable."""
        return f"m{self.number}"

    def connections(self, port: int) -> int:
        """Count the connections to a port that are established, as this machine sees it."""
        seen = Path(f"/proc/{self.keeper.pid}/net/tcp").read_text().splitlines()[1:]
        ends = [line.split()[2:4] for line in seen]
        return sum(state == ESTABLISHED and remote.endswith(f":{port:04X}") for remote, state in ends)

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """Have this thread, and the processes that it starts, be on this machine."""
        with OWN_NAMESPACE.open() as before, Path(f"/proc/{self.keeper.pid}/ns/net").open() as own:
            _enter(own.fileno())
            try:
                yield
            finally:
                _enter(before.fileno())


@contextlib.contextmanager
def running(count: int) -> Iterator[list[Machine]]:
    """Make machines that reach each other through this namespace."""
    _ip("link", "set", "lo", "up")
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(_one(number)) for number in range(1, count + 1)]


@contextlib.contextmanager
def cut(machine: Machine, others: Machine | None = None) -> Iterator[None]:
    """Drop all packets from and to a machine (others: only those to and from that one), without a word to anybody."""
    to = ["to", others.address] if others else []
    back = ["iif", others.link] if others else []
    rules = [["iif", machine.link, *to], [*back, "to", machine.address]]
    for rule in rules:
        _ip("rule", "add", *rule, "blackhole")
    try:
        yield
    finally:
        for rule in rules:
            _ip("rule", "del", *rule, "blackhole")


@contextlib.contextmanager
def _one(number: int) -> Iterator[Machine]:
    keeper = subprocess.Popen(
        ["unshare", "--net", "sh", "-c", "echo; exec sleep infinity"], stdout=subprocess.PIPE, start_new_session=True
    )
    try:
        assert keeper.stdout
        keeper.stdout.readline()  # from here on it is in its namespace
        machine = Machine(number, keeper)
        _ip("link", "add", machine.link, "type", "veth", "peer", "name", "eth0", "netns", str(keeper.pid))
        _ip("address", "add", f"{NETWORK}.{number}.1/30", "dev", machine.link)
        _ip("link", "set", machine.link, "up")
        with machine.entered():
            _ip("link", "set", "lo", "up")
            _ip("address", "add", f"{machine.address}/30", "dev", "eth0")
            _ip("link", "set", "eth0", "up")
            _ip("route", "add", "default", "via", f"{NETWORK}.{number}.1")
        yield machine
    finally:
        keeper.kill()
        keeper.wait()
        if keeper.stdout:
            keeper.stdout.close()


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stdout}"


def _enter(descriptor: int) -> None:
    # os.setns() is new in Python 3.12.
    if ctypes.CDLL(None, use_errno=True).setns(descriptor, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
