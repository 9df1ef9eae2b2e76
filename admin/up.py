"""`face-api up`: the whole service on this machine, started, watched and ended together."""

import asyncio
import errno
import signal
import socket
import sys
import time
from contextlib import suppress
from typing import NoReturn

import click
import httpx

from admin import embedded, serve, service
from admin.service import Service
from admin.supervisor import Ended, Supervisor
from core import config
from core.config import Settings

ASK_EVERY_S = 0.1
EXPLAIN_AFTER_S = 60.0
GIVE_UP_AFTER_S = 120.0


class NotReady(Exception):
    """The service did not become ready in time."""


@click.command()
@click.option("--weights-mirror", default="", help="Where model files are unless FACE_API_WEIGHTS_MIRROR says it.")
def up(weights_mirror: str) -> None:
    """Start the whole service on this machine: Redis, web, worker and beat."""
    started = time.monotonic()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    settings = service.with_defaults(config.load(), weights_mirror)
    for name, meant in config.unknown().items():
        _say(f"warning: no setting is called {name}" + (f"; is {meant} meant?" if meant else ""))
    _refuse_taken(settings)
    with embedded.alone_in(settings.var_dir):
        prepared = service.prepare(settings)
        try:
            asyncio.run(_run(prepared, started))
        except (Ended, NotReady) as error:
            raise click.ClickException(f"{error}; everything else was stopped") from error
    _say("stopped")


def _leave(number: int, _frame: object) -> NoReturn:
    """End as Ctrl-C does, so that what was begun is cleaned up."""
    sys.exit(128 + number)


def _refuse_taken(settings: Settings) -> None:
    """Say so before anything is started when the web tier can't have its address."""
    place = serve.address(settings.host, settings.port)
    try:
        family, _, _, _, where = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
        socket.create_server(where, family=family).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            problem = f"{place} is taken by another program: end it, or choose another port with PORT=..."
        else:
            problem = f"the service can't listen on {place}: {error.strerror}"
        raise click.ClickException(problem) from error


async def _run(prepared: Service, started: float) -> None:
    """Run the programs until a signal asks to stop."""
    supervisor = Supervisor(prepared.variables, _say)
    try:
        _say(f"starting  {', '.join(program.name for program in prepared.programs)}")
        await supervisor.start(prepared.programs)
        await supervisor.watch(_announce(prepared, started))
    finally:
        _say("stopping")
        await supervisor.stop()


async def _announce(prepared: Service, started: float) -> None:
    """Wait until the service is ready, then tell how it is reached, and write that down."""
    await _until_ready(f"{prepared.url}/health")
    _say(f"ready     after {time.monotonic() - started:.1f} s")
    told = service.credentials(prepared)
    file = service.credentials_file(prepared.settings)
    embedded.write_variables(file, told)
    key = told.get("FACE_API_KEY")
    header = f"-H 'X-API-Key: {key}' " if key else ""
    _say("")
    _say(f"  URL             {prepared.url}")
    _say(f"  console         {prepared.url}/console")
    _say(f"  documentation   {prepared.url}/docs")
    _say(f"  API key         {key or 'none is asked for'}")
    _say(f"  administrator   {told['FACE_API_ADMIN_USER']} {told['FACE_API_ADMIN_PASSWORD']}")
    _say(f"  written to      {file}")
    _say("")
    _say(f"  curl -f {header}-F image=@photo.jpg -o masked.jpg {prepared.url}/api/v1/mask")
    _say("")
    _say("Ctrl-C stops everything.")


async def _until_ready(url: str) -> None:
    """Ask until the answer is 200; what is missing is told after a minute, and NotReady ends it."""
    started = time.monotonic()
    explain_after_s = EXPLAIN_AFTER_S
    # A proxy of the environment must not stand between two programs on this machine.
    async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
        while True:
            state = await _fault(client, url)
            if not state:
                return
            waited_s = time.monotonic() - started
            if waited_s > GIVE_UP_AFTER_S:
                raise NotReady(f"{url} was not 200 within {GIVE_UP_AFTER_S:.0f} s: {state}")
            if waited_s > explain_after_s:
                explain_after_s = GIVE_UP_AFTER_S
                _say(f"waiting   {url} is not 200 yet: {state}")
            await asyncio.sleep(ASK_EVERY_S)


async def _fault(client: httpx.AsyncClient, url: str) -> str:
    """Return '' if the answer is 200, else what it says."""
    try:
        answer = await client.get(url)
    except httpx.HTTPError as error:
        return str(error) or type(error).__name__
    return "" if answer.status_code == httpx.codes.OK else f"{answer.status_code} {answer.text.strip()}"


def _say(line: str) -> None:
    # Whoever reads this may have gone: that ends neither the service nor the clean-up.
    with suppress(OSError):
        click.echo(line)
