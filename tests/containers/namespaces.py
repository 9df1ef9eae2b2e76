"""Namespaces of the tests' own: whatever runs in them is gone when they are, however that comes.

Network, mounts and processes are apart. The way to the internet is slirp4netns, an ordinary program that speaks for
them, so that no bridge, rule or forwarding is made on the machine itself. Docker's socket and the like lie in a /run
that nobody else sees.
"""

import ctypes
import os
import signal
import subprocess
import time
from pathlib import Path

from tests.containers import tools
from tests.containers.tools import Unavailable

DEVICE, NAMESERVER = "tap0", "10.0.2.3"
WITHIN_S = 10
PR_SET_PDEATHSIG = 1
# In the new namespaces, before the command: a /run of their own, names from slirp4netns, and its device.
PREPARE = f"""
mount -t tmpfs tmpfs /run
names=$(readlink -f /etc/resolv.conf)
mkdir -p "$(dirname "$names")" && touch "$names"
echo nameserver {NAMESERVER} >/run/names && mount --bind /run/names "$names"
ip link set lo up
until ip link show {DEVICE} >/dev/null 2>&1; do sleep 0.05; done
exec "$@"
"""
NEW = ("--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")


def run(command: list[str], root: Path) -> int:
    """Run a command in namespaces of its own; return its exit status. root: of the tools."""
    env = tools.environment(root)
    process = subprocess.Popen(
        ["unshare", *NEW, "sh", "-euc", PREPARE, "sh", *command],
        env=env,
        preexec_fn=_end_with_parent,  # noqa: PLW1509  # there are no threads yet
    )
    reads, writes = os.pipe()
    network = Path(f"/proc/{process.pid}/ns/net")
    _wait_until_apart(process, network)
    options = ["--configure", "--mtu=65520", "--disable-host-loopback", "--netns-type=path", f"--exit-fd={reads}"]
    way_out = subprocess.Popen(
        ["slirp4netns", *options, str(network), DEVICE],
        env=env,
        pass_fds=[reads],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        return process.wait()
    except KeyboardInterrupt:
        return process.wait()
    finally:
        os.close(writes)  # ends it, and so would the end of this process
        way_out.wait(WITHIN_S)


def _wait_until_apart(process: "subprocess.Popen[bytes]", network: Path) -> None:
    own = Path("/proc/self/ns/net").readlink()
    deadline = time.monotonic() + WITHIN_S
    while network.readlink() == own:
        if process.poll() is not None or time.monotonic() > deadline:
            raise Unavailable("no namespaces can be made here")
        time.sleep(0.02)


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
