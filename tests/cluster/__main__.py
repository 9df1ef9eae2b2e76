"""Runs the tests of a cluster in namespaces of their own: of the network, and of processes, which end with them.

    python -m tests.cluster [options of pytest]

As root, or by a user namespace where those are allowed; else the tests are skipped, and say why.
"""

import ctypes
import shutil
import signal
import subprocess
import sys
from pathlib import Path

NAMESPACES = ["unshare", "--net", "--pid", "--mount-proc", "--fork", "--kill-child"]
# Whoever runs this stays who they are: Postgres refuses root.
WAYS = [NAMESPACES, [*NAMESPACES, "--user", "--map-current-user", "--keep-caps"]]
# A link can be made there, and a process can be sent to another namespace.
PROBE = ["sh", "-c", "ip link add m0 type veth peer name m1 && unshare --net true"]
PR_SET_PDEATHSIG = 1


def main() -> None:
    """Run pytest, within namespaces if this machine allows any; whoever ends this ends all that is in them."""
    tests = [sys.executable, "-m", "pytest", "-rs", str(Path(__file__).parent), *sys.argv[1:]]
    way = next((way for way in WAYS if _works(way)), None)
    if way:
        # A shell between: the first process of a namespace has to care for orphans, and takes no signals.
        tests = [*way, "sh", "-c", '"$@"; exit $?', "sh", *tests, "--cluster"]
    running = subprocess.Popen(tests, preexec_fn=_end_with_parent)  # noqa: PLW1509  # before there are threads
    signal.signal(signal.SIGTERM, lambda *_: running.kill())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # pytest has got it, too, and ends
    sys.exit(running.wait())


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _works(way: list[str]) -> bool:
    if not (shutil.which("unshare") and shutil.which("ip")):
        return False
    return subprocess.run([*way, *PROBE], capture_output=True, check=False).returncode == 0


if __name__ == "__main__":
    main()
