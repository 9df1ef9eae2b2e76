"""A real S3 server for the tests: OpenStack Swift with its S3 API, one node, on free loopback ports.

Run as a program (by start()), it writes the node's configuration into a folder, forks Swift's four servers, says
"ready", and ends with them when its standard input is closed: with whoever started it. It needs no root, but a file
system with extended attributes.
"""

import ctypes
import http.client
import importlib
import os
import pwd
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from tests.ports import free_port

LOOPBACK = "127.0.0.1"
ROOT = Path(__file__).resolve().parent.parent
SERVERS = ("account", "container", "object", "proxy")
ACCESS_KEY, SECRET_KEY, REGION = "tests:reader", "not-a-secret-of-anything", "us-east-1"
PAGE = 5  # objects a page of a listing, so that a few make several pages
READY_WITHIN_S = 180
PR_SET_PDEATHSIG = 1


@dataclass
class Swift:
    """A running node."""

    folder: Path
    ports: list[int]
    process: "subprocess.Popen[bytes]"
    address: str = LOOPBACK

    @property
    def endpoint(self) -> str:
        return f"http://{self.address}:{self.ports[-1]}"

    def settings(self) -> dict[str, str]:
        """Return the settings of a service that keeps its pictures here."""
        return {"s3_endpoint": self.endpoint, "s3_access_key": ACCESS_KEY, "s3_secret_key": SECRET_KEY}

    def stop(self) -> None:
        """End the node; its folder stays."""
        assert self.process.stdin
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:  # a process that a test has forked holds its standard input open
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def start_again(self) -> None:
        """Start a node that was stopped, on what its folder has."""
        self.process = _launch(self.folder, self.ports, self.address)


def start(folder: Path, address: str = LOOPBACK) -> Swift:
    """Start a node in an empty folder and wait until it answers. address: of this machine, for S3 alone."""
    ports = [free_port() for _ in SERVERS]
    return Swift(folder, ports, _launch(folder, ports, address), address)


def _launch(folder: Path, ports: list[int], address: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "tests.swift", str(folder), address, *map(str, ports)]
    with (folder / "swift.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, start_new_session=True
        )
    assert process.stdout
    with process.stdout as said:
        assert said.readline() == b"ready\n", (folder / "swift.log").read_text()
    return process


def _configure(folder: Path, ports: dict[str, int], address: str) -> None:
    """Write what each server reads; the backend servers' places go into rings."""
    from swift.common.ring import RingBuilder
    from swift.common.utils import set_swift_dir

    (folder / "srv" / "disk").mkdir(parents=True, exist_ok=True)
    (folder / "swift.conf").write_text(
        "[swift-hash]\nswift_hash_path_suffix = tests\n[storage-policy:0]\nname = single\ndefault = yes\n"
    )
    set_swift_dir(str(folder))
    for name in SERVERS[:-1]:
        (folder / f"{name}-server.conf").write_text(_backend(folder, name, ports[name]))
        ring = RingBuilder(part_power=4, replicas=1, min_part_hours=1)
        place = {"region": 1, "zone": 1, "ip": LOOPBACK, "port": ports[name], "device": "disk", "weight": 1.0}
        ring.add_dev(place)
        ring.rebalance(seed=1)
        ring.get_ring().save(str(folder / f"{name}.ring.gz"))
    (folder / "proxy-server.conf").write_text(_proxy(folder, ports["proxy"], address))


def _common(folder: Path, port: int, address: str = LOOPBACK) -> str:
    user = pwd.getpwuid(os.geteuid()).pw_name
    return (
        f"[DEFAULT]\nswift_dir = {folder}\nuser = {user}\nbind_ip = {address}\nbind_port = {port}\nworkers = 0\n"
        f"log_level = WARNING\n"
    )


def _backend(folder: Path, name: str, port: int) -> str:
    return _common(folder, port) + (
        f"devices = {folder}/srv\nmount_check = false\nfallocate_reserve = 0\ndisable_fallocate = true\n"
        f"recon_cache_path = {folder}\n[pipeline:main]\npipeline = {name}-server\n"
        f"[app:{name}-server]\nuse = egg:swift#{name}\n"
    )


def _proxy(folder: Path, port: int, address: str) -> str:
    account, user = ACCESS_KEY.split(":")
    filters = {
        "catch_errors": "",
        "gatekeeper": "",
        "healthcheck": "",
        "cache": "",
        "s3api": f"location = {REGION}\nmax_bucket_listing = {PAGE}\n",
        "tempauth": f"user_{account}_{user} = {SECRET_KEY} .admin\n",
        "slo": "",  # what S3's multipart uploads become
    }
    places = {name: f"egg:swift#{name}" for name in filters} | {"cache": "call:tests.swift_cache:filter_factory"}
    sections = "".join(f"[filter:{name}]\nuse = {places[name]}\n{more}" for name, more in filters.items())
    return _common(folder, port, address) + (
        f"[pipeline:main]\npipeline = {' '.join(filters)} proxy-server\n"
        f"[app:proxy-server]\nuse = egg:swift#proxy\naccount_autocreate = true\n{sections}"
    )


def _fork(folder: Path, name: str) -> int:
    """Run one of Swift's servers in a child, which never outlives this process."""
    from swift.common.wsgi import run_wsgi

    child = os.fork()
    if child:
        return child
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.setpgid(0, 0)  # Swift signals its own group when it stops
    os._exit(run_wsgi(str(folder / f"{name}-server.conf"), f"{name}-server") or 0)


def _answers(address: str, port: int, path: str) -> bool:
    connection = http.client.HTTPConnection(address, port, timeout=2)
    with suppress(OSError, http.client.HTTPException):
        connection.request("GET", path)
        return connection.getresponse().status < 500  # the backends know no such path, and say so
    return False


def main(folder: Path, address: str, numbers: list[int]) -> None:
    ports = dict(zip(SERVERS, numbers, strict=True))
    _configure(folder, ports, address)
    for name in ("account", "container", "obj", "proxy"):
        importlib.import_module(f"swift.{name}.server")  # once, not in each child
    children = [_fork(folder, name) for name in SERVERS]

    def stop(_number: int = 0, _frame: FrameType | None = None) -> None:
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        os._exit(0)

    signal.signal(signal.SIGTERM, stop)
    deadline = time.monotonic() + READY_WITHIN_S
    places = [*((LOOPBACK, port) for port in numbers[:-1]), (address, numbers[-1])]
    while not all(_answers(*place, "/healthcheck") for place in places):
        if time.monotonic() > deadline:
            stop()
        time.sleep(0.05)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.buffer.read()
    stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), sys.argv[2], [int(number) for number in sys.argv[3:]])
