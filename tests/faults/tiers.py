"""What a service stands on (Redis, Postgres, an S3 server), each to be killed, stopped, slowed or restarted."""

import contextlib
import signal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from core import config
from tests import postgres, swift
from tests.faults.proxies import Proxy
from tests.ports import free_port
from tests.stack import Stack, start_valkey

SLOW_S = 2.0
REDIS, POSTGRES, S3 = "Redis", "Postgres", "S3"


@dataclass(frozen=True)
class Tier:
    """One of them. pids: of its processes; begin: starts it on the same data; end: in order; proxy: before it."""

    pids: Callable[[], list[int]]
    begin: Callable[[], None]
    end: Callable[[], None]
    proxy: Proxy | None = None

    @contextlib.contextmanager
    def killed(self) -> Iterator[None]:
        """Every process is killed, and it is started at the end."""
        for one in self._processes():
            one.kill()
        self.end()
        try:
            yield
        finally:
            self.begin()

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """No process runs: connections are taken, and nothing is answered."""
        found = self._processes()
        for one in found:
            one.suspend()
        try:
            yield
        finally:
            for one in found:
                one.resume()

    @contextlib.contextmanager
    def slow(self) -> Iterator[None]:
        """Each answer comes late."""
        assert self.proxy
        self.proxy.delay_s = SLOW_S
        yield
        self.proxy.delay_s = 0.0

    @contextlib.contextmanager
    def restarted(self) -> Iterator[None]:
        """It is ended and started again at once."""
        self.end()
        self.begin()
        yield

    def _processes(self) -> list[psutil.Process]:
        parents = [psutil.Process(pid) for pid in self.pids()]
        return [one for parent in parents for one in (parent, *parent.children(recursive=True))]


FAULTS: Mapping[str, Callable[[Tier], contextlib.AbstractContextManager[None]]] = {
    "killed": Tier.killed,
    "stopped": Tier.stopped,
    "slow": Tier.slow,
    "restarted": Tier.restarted,
}


@contextlib.contextmanager
def standing(folder: Path, own: Mapping[str, str], *, proxied: bool) -> Iterator[tuple[Stack, dict[str, Tier]]]:
    """Run a service on servers of its own; yield it and what it stands on. proxied: whether that can be slow."""
    with contextlib.ExitStack() as stack:
        # What is committed outlives that Postgres is killed, as outside of tests.
        server = stack.enter_context(postgres.running(synchronous_commit="on"))
        server.execute("CREATE DATABASE faults")
        node = swift.start(_made(folder / "swift"))
        stack.callback(node.stop)
        service = Stack(_made(folder / "service"), dict(own))
        ports = {REDIS: service.redis_port, POSTGRES: server.port, S3: node.ports[-1]}
        proxies = {
            name: stack.enter_context(Proxy(free_port(), port).running()) for name, port in ports.items() if proxied
        }
        seen = {name: proxies[name].port if proxied else port for name, port in ports.items()}
        values = node.settings() | {
            "redis_url": f"redis://127.0.0.1:{seen[REDIS]}/0",
            "database_url": f"postgresql+psycopg2://postgres@127.0.0.1:{seen[POSTGRES]}/faults",
            "s3_endpoint": f"http://127.0.0.1:{seen[S3]}",
            "s3_bucket": "faults",
        }
        service.settings |= {f"{config.PREFIX}{key.upper()}": value for key, value in values.items()}
        stack.callback(service.stop)
        service.start()
        yield (
            service,
            {
                REDIS: Tier(
                    lambda: [service.processes["redis"].pid],
                    lambda: _start_redis(service),
                    lambda: _end_redis(service),
                    proxies.get(REDIS),
                ),
                POSTGRES: Tier(lambda: [server.pid], server.start, server.stop, proxies.get(POSTGRES)),
                S3: Tier(lambda: [node.process.pid], node.start_again, node.stop, proxies.get(S3)),
            },
        )


def _start_redis(service: Stack) -> None:
    service.processes["redis"] = start_valkey(service.redis_port)


def _end_redis(service: Stack) -> None:
    process = service.processes["redis"]
    process.send_signal(signal.SIGTERM)
    process.wait(30)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
