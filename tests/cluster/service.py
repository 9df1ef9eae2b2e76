"""A whole service on machines of its own: web, two workers, and Valkey, Postgres and Swift together on another."""

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import select, text

from core import config
from core.contract.states import ItemState
from core.database import migrations
from core.database.models import BatchItem
from core.engine import protocol
from tests import postgres, swift
from tests.cluster import machines
from tests.cluster.machines import Machine
from tests.faults.conftest import OWN
from tests.ports import free_port
from tests.stack import Stack, start_valkey

DATABASE = "cluster"
READY_WITHIN_S = 150
TRIES, ITEM_S = 8, 1.5  # chosen: an item takes a tenth of that
ALL = "0.0.0.0"  # noqa: S104  # all addresses of a machine that nobody but the others can reach


@dataclass(frozen=True)
class Node:
    """A machine and what runs there. process: what the worker there calls itself in Redis; empty for others."""

    machine: Machine
    stack: Stack
    worker: str = ""


@dataclass(frozen=True)
class Cluster:
    """A running service. stack: web's, which a caller sees; servers: the machine that all stand on."""

    web: Node
    workers: list[Node]
    servers: Machine
    ports: list[int]

    @property
    def stack(self) -> Stack:
        return self.web.stack

    def living(self) -> set[str]:
        """Return the names of the workers that live, as every process of the service sees them."""
        return _living(self.stack)

    def held_by(self, node: Node) -> int:
        """Count the calls that a worker's processes have begun and not answered."""
        client = self.stack.services.redis
        keys = list(client.scan_iter(f"{protocol.NAMESPACE}lease:*"))
        return sum(_worker(name) == node.worker for name in client.mget(keys) if name) if keys else 0

    def leases(self) -> set[Any]:
        """Return the leases of items that a worker works on."""
        sessions = self.stack.services.sessions
        assert sessions is not None
        with sessions() as session:
            return set(session.scalars(select(BatchItem.lease).where(BatchItem.state == ItemState.RUNNING)))

    def sessions_of(self, node: Node) -> int:
        """Count the sessions that Postgres has for a machine."""
        sessions = self.stack.services.sessions
        assert sessions is not None
        query = "SELECT count(*) FROM pg_stat_activity WHERE client_addr = :address"
        with sessions() as session:
            return int(session.scalar(text(query), {"address": node.machine.address}) or 0)

    def connections_of(self, node: Node) -> int:
        """Count the connections to Redis, Postgres and S3 that a machine takes for good."""
        return sum(node.machine.connections(port) for port in self.ports)

    @contextlib.contextmanager
    def cut_at_work(self, node: Node) -> Iterator[float]:
        """Cut off a worker that works on an item of a batch; yield since when, by time.monotonic()."""
        for _ in range(TRIES):
            self.stack.until(lambda: len(self.leases()) == len(self.workers))
            with machines.cut(node.machine):
                began, before = time.monotonic(), self.leases()
                time.sleep(ITEM_S)
                if before & self.leases():  # whoever is not cut off has ended the other
                    yield began
                    return
        raise AssertionError(f"in {TRIES} tries it had none when it was cut off")

    def ready(self) -> bool:
        """Whether /health says so."""
        with contextlib.suppress(requests.RequestException):
            return requests.get(f"{self.stack.url}/health", timeout=5).status_code == 200
        return False

    @contextlib.contextmanager
    def without(self, node: Node) -> Iterator[float]:
        """Switch off a machine: its processes are killed, and nobody tells the others; yield since when."""
        with machines.cut(node.machine):
            began = time.monotonic()
            node.stack.stop()
            yield began


@contextlib.contextmanager
def running(folder: Path, own: Mapping[str, str]) -> Iterator[Cluster]:
    """Run a service until it is ready. own: settings of all its programs."""
    with contextlib.ExitStack() as stack:
        web, first, second, servers = stack.enter_context(machines.running(4))
        with servers.entered():
            shared, ports = _servers(stack, folder, servers)
        settings = {**OWN, **own, **{f"{config.PREFIX}{key.upper()}": value for key, value in shared.items()}}
        settings |= {"FACE_API_WORKER_PROCESSES": "1", "FACE_API_BATCH_LEASE_S": "10", "FACE_API_HOST": ALL}
        front = _stack(stack, folder / "web", settings)
        front.url = f"http://{web.address}:{front.port}"
        migrations.upgrade(front.own_settings())
        migrations.ensure_worker(front.own_settings(), "not-a-secret")
        front.key = front.make_key("tests")[1]
        nodes = list[Node]()
        for machine, name in ((first, "worker-1"), (second, "worker-2")):
            own_stack = _stack(stack, folder / name, settings)
            with machine.entered():
                own_stack.launch("worker")
            nodes.append(Node(machine, own_stack, _newcomer(front, {node.worker for node in nodes})))
        with web.entered():
            for program in ("maintenance", "beat", "serve"):
                front.launch(program)
        cluster = Cluster(Node(web, front), nodes, servers, ports)
        front.until(cluster.ready, READY_WITHIN_S)
        yield cluster


def _servers(stack: contextlib.ExitStack, folder: Path, machine: Machine) -> tuple[dict[str, str], list[int]]:
    """Start what the service stands on; return the settings of who uses it, and the ports."""
    database = stack.enter_context(postgres.running(listen_addresses=ALL, synchronous_commit="on"))
    with (database.socket_folder / "data" / "pg_hba.conf").open("a") as rules:
        rules.write(f"host all all {machines.NETWORK}.0.0/16 trust\n")
    database.execute("SELECT pg_reload_conf()")
    database.execute(f"CREATE DATABASE {DATABASE}")
    node = swift.start(_made(folder / "swift"), machine.address)
    stack.callback(node.stop)
    port = free_port()
    valkey = start_valkey(port, machine.address)
    stack.callback(valkey.wait)
    stack.callback(valkey.kill)
    settings = node.settings() | {
        "s3_bucket": DATABASE,
        "redis_url": f"redis://{machine.address}:{port}/0",
        "database_url": f"postgresql+psycopg2://postgres@{machine.address}:{database.port}/{DATABASE}",
    }
    return settings, [port, database.port, node.ports[-1]]


def _stack(stack: contextlib.ExitStack, folder: Path, settings: dict[str, str]) -> Stack:
    made = Stack(_made(folder), settings)
    stack.callback(made.stop)
    return made


def _newcomer(front: Stack, known: set[str]) -> str:
    """Wait for a worker that was not there before; return its name."""
    front.until(lambda: bool(_living(front) - known), READY_WITHIN_S)
    (name,) = _living(front) - known
    return name


def _living(stack: Stack) -> set[str]:
    client = stack.services.redis
    now, _ = client.time()
    return {_worker(place) for place in client.zrangebyscore(protocol.PROCESSES, now, "+inf")}


def _worker(process: Any) -> str:
    return str(process.decode()).partition(".")[0]


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
