"""`face-api up`: the whole service on this machine, started, supervised and stopped together."""

import asyncio
import errno
import shlex
import signal
import socket
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

import click
import httpx

from admin import embedded, serve, worker
from admin.supervisor import ProgramExited, Supervisor
from core import config
from core.config import Settings
from core.observability import exporter

if TYPE_CHECKING:
    from admin.service import Service

POLL_INTERVAL_S = 0.1
EXPLAIN_AFTER_S = 10.0  # chosen: a start that finds its model prepared is over by then
READY_TIMEOUT_S = 300.0  # chosen: preparing the largest model takes 70 s on two busy CPUs
KILL_MARGIN_S = 2.0  # chosen: gunicorn kills by itself what does not end
# What is waited for while `/health` says false of it.
NOT_READY = {
    "model_loaded": "for the model: the first start prepares it for this machine, which takes a minute or two",
    "database_ready": "for the database, which does not answer",
    "storage_ready": "for the store of pictures, which does not answer",
}


class NotReady(Exception):
    """The service did not become ready in time."""


@click.command()
@click.option(
    "--weights-mirror", default="", help="Mirror of the model files; FACE_API_WEIGHTS_MIRROR takes precedence."
)
def up(weights_mirror: str) -> None:
    """Start the whole service on this machine: Redis, web, worker and beat."""
    from admin import service

    started = time.monotonic()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _exit_on_signal)
    settings = service.with_defaults(config.load(), weights_mirror)
    for name, suggestion in config.unknown().items():
        _print(f"warning: unknown setting {name}" + (f"; did you mean {suggestion}?" if suggestion else ""))
    worker.warn_of_root()
    if settings.weights_mirror:
        _print(f"mirror    {service.told_mirror(settings, weights_mirror)}")
    _check_address(settings)
    with embedded.locked_folder(settings.var_dir):
        prepared = service.prepare(settings)
        try:
            asyncio.run(_run(prepared, started))
        except (ProgramExited, NotReady) as error:
            raise click.ClickException(f"{error}; everything else was stopped") from error
    _print("stopped")


def _exit_on_signal(number: int, _frame: object) -> NoReturn:
    """Exit as Ctrl-C does, so that everything is cleaned up."""
    sys.exit(128 + number)


def _check_address(settings: Settings) -> None:
    """Fail before anything is started if the web tier can't listen on its address."""
    address = serve.address(settings.host, settings.port)
    try:
        family, _, _, _, socket_address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
        socket.create_server(socket_address, family=family).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            problem = f"{address} is taken by another program: stop it, or choose another port with PORT=..."
        else:
            problem = f"the service can't listen on {address}: {error.strerror}"
        raise click.ClickException(problem) from error


async def _run(prepared: "Service", started: float) -> None:
    """Run the programs until a stop signal."""
    supervisor = Supervisor(prepared.variables, _print, serve.stops_within_s(prepared.settings) + KILL_MARGIN_S)
    try:
        _print(f"starting  {', '.join(program.name for program in prepared.programs)}")
        await supervisor.start(prepared.programs)
        await supervisor.watch(_report_when_ready(prepared, started))
    finally:
        _print("stopping  calls in flight may end; Ctrl-C ends them, too")
        await supervisor.stop()


async def _report_when_ready(prepared: "Service", started: float) -> None:
    """Wait until the service is ready, then print and store how to reach it."""
    from admin import service

    await _until_ready(f"{prepared.url}/health")
    _print(f"ready     after {time.monotonic() - started:.1f} s")
    credentials = service.credentials(prepared)
    file = service.credentials_file(prepared.settings)
    embedded.write_variables(file, credentials)
    key = credentials.get("FACE_API_KEY")
    header = f"-H 'X-API-Key: {key}' " if key else ""
    _print("")
    _print(f"  URL             {prepared.url}")
    _print(f"  console         {prepared.url}/console")
    _print(f"  documentation   {prepared.url}/docs")
    for program, number in exporter.ports(prepared.settings).items():
        _print(f"  metrics         http://{serve.address(prepared.settings.metrics_host, number)}/metrics of {program}")
    if sys.stdout.isatty():  # else it is a log, which others read and keep
        _print(f"  API key         {key or 'not required'}")
        _print(f"  administrator   {credentials['FACE_API_ADMIN_USER']} {credentials['FACE_API_ADMIN_PASSWORD']}")
        _print(f"  written to      {file}")
    else:
        header = header and '-H "X-API-Key: $FACE_API_KEY" '
        _print(f"  key, password   in {file}, read by: set -a; . {shlex.quote(str(file))}; set +a")
    _print("")
    _print(f"  curl -f {header}-F image=@photo.jpg -o masked.jpg {prepared.url}/api/v1/mask")
    _print("")
    _print("Ctrl-C stops everything.")


async def _until_ready(url: str) -> None:
    """Poll until the response is 200; print the reason after a while, NotReady after the timeout."""
    started = time.monotonic()
    explain_after_s = EXPLAIN_AFTER_S
    # The environment's proxy must not be between two programs on this machine.
    async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
        while True:
            problem = await _problem(client, url)
            if not problem:
                return
            waited_s = time.monotonic() - started
            if waited_s > READY_TIMEOUT_S:
                raise NotReady(f"{url} was not 200 within {READY_TIMEOUT_S:.0f} s: {problem}")
            if waited_s > explain_after_s:
                explain_after_s = READY_TIMEOUT_S
                _print(f"waiting   {problem}")
            await asyncio.sleep(POLL_INTERVAL_S)


async def _problem(client: httpx.AsyncClient, url: str) -> str:
    """Return '' if the response is 200, else what is not ready."""
    try:
        response = await client.get(url)
    except httpx.HTTPError as error:
        return str(error) or type(error).__name__
    if response.status_code == httpx.codes.OK:
        return ""
    with suppress(ValueError):
        health = response.json()
        for name, problem in NOT_READY.items():
            if health.get(name) is False:
                return problem
    return f"{response.status_code} {response.text.strip()}"


def _print(line: str) -> None:
    # A closed stdout must stop neither the service nor the clean-up.
    with suppress(OSError):
        click.echo(line)
