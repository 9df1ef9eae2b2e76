"""`face-api batch`: a folder of pictures through a service, and what became of it."""

import asyncio
import shlex
from collections.abc import Callable, Coroutine
from contextlib import closing
from pathlib import Path
from typing import Any, Literal, TypeVar

import click

from admin.batches import calls, displays, options, pictures, runs, targets
from admin.batches.calls import BatchInfo
from admin.batches.clients import Client, RequestRejected
from admin.batches.journals import Journal, JournalError
from admin.batches.runs import RunOptions, SubmitPlan

INTERRUPTED = 130  # as the shell says it of a program that Ctrl-C has ended
Command = TypeVar("Command", bound=Callable[..., Any])
Result = TypeVar("Result")
FOLDER = click.Path(path_type=Path, file_okay=False)


def _of_service(command: Command) -> Command:
    address = click.option("--url", envvar="FACE_API_URL", help="The service, as http(s)://host[:port].")
    return address(command)


def _of_runs(command: Command) -> Command:
    for option in (
        click.option("--workers", type=click.IntRange(1, 64), default=4, show_default=True, help="Calls at a time."),
        click.option("--quiet", is_flag=True, help="Show nothing but the summary and what failed."),
        click.option("--no-progress", is_flag=True, help="Lines instead of a bar."),
    ):
        command = option(command)
    return command


@click.group()
def batch() -> None:
    """Send many pictures to a service, and fetch what it makes of them.

    The service is --url or FACE_API_URL, the credentials are FACE_API_ADMIN_USER and FACE_API_ADMIN_PASSWORD; without
    them, those that `face-api up` has written to var/dev.env.
    """


@batch.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--out", type=FOLDER, required=True, help="Where the results go: the same tree as DIR.")
@click.option("--name", help="What people know the batch by; the folder's name by default.")
@click.option("--job-type", type=click.Choice(["mask", "detect"]), default="mask", show_default=True)
@click.option("--recursive", is_flag=True, help="Look into the folders below DIR, too.")
@click.option("--resume", is_flag=True, help="Go on with what was begun in OUT.")
@click.option("--dry-run", is_flag=True, help="Tell what would be sent, and send nothing.")
@click.option("--webhook", metavar="URL", help="Is told by the service when the batch is done.")
@_of_runs
@_of_service
@options.of_pictures
def submit(folder: Path, out: Path, **given: Any) -> None:
    """Send the pictures of DIR and fetch the results into OUT.

    Whatever ends it, the same command with --resume goes on: nothing is sent or fetched twice. OUT must be another
    folder than DIR. Ends with 1 when a picture failed, and names each; with 2 when it could not begin.
    """
    plan = SubmitPlan(folder, out, _asked(folder, given), given["recursive"])
    if given["dry_run"]:
        _tell(plan)
        return
    place = _place(given["url"])
    again = f"face-api batch submit {shlex.quote(str(folder))} --out {shlex.quote(str(out))} --resume"
    opened = runs.resume(plan, place) if given["resume"] else runs.begin(plan, runs.look(plan), place)
    with closing(opened) as journal:
        _end(lambda: runs.submit(plan, journal, place, _manner(given)), again)


@batch.command()
@click.argument("batch_id", metavar="ID", type=click.UUID)
@click.option("--out", type=FOLDER, required=True, help="Where the results go.")
@_of_runs
@_of_service
def download(batch_id: Any, out: Path, **given: Any) -> None:
    """Fetch the results of the batch ID that are finished into OUT; those that are there are not fetched again."""
    place, name = _place(given["url"]), str(batch_id)
    again = f"face-api batch download {name} --out {shlex.quote(str(out))}"
    with closing(Journal.reopen(out, {"url": place.url, "batch": name})) as journal:
        if journal.facts().get("batch") != name:
            raise JournalError(f"{out} holds another batch: choose another folder")
        journal.look_again()
        _end(lambda: runs.download(name, journal, place, _manner(given), out), again)


@batch.command()
@click.argument("batch_id", metavar="ID", type=click.UUID)
@_of_service
def status(batch_id: Any, url: str | None) -> None:
    """Tell how far the batch ID is."""
    _show(_called(url, lambda client: calls.get(client, str(batch_id))))


@batch.command()
@click.argument("batch_id", metavar="ID", type=click.UUID)
@_of_service
def cancel(batch_id: Any, url: str | None) -> None:
    """Do no more of the batch ID; what is done stays."""
    _show(_called(url, lambda client: calls.act(client, str(batch_id), "cancel")))


@batch.command()
@click.argument("batch_id", metavar="ID", type=click.UUID)
@_of_service
def retry(batch_id: Any, url: str | None) -> None:
    """Do again what has failed in the batch ID; then `submit --resume` or `download` fetches it."""
    _show(_called(url, lambda client: calls.act(client, str(batch_id), "retry-failed")))


@batch.command("list")
@click.option("--status", type=click.Choice(["open", "running", "completed", "cancelled"]))
@click.option("--page", type=click.IntRange(1), default=1, show_default=True)
@_of_service
def list_batches(status: Literal["open"] | None, page: int, url: str | None) -> None:
    """List batches, newest first."""
    for one in _called(url, lambda client: calls.newest(client, status, page, 50)):
        counts = one.counts
        told = f"{counts.completed:>7,} of {counts.total:>7,} done, {counts.failed:,} failed"
        click.echo(f"{one.id}  {one.created_at:%Y-%m-%d %H:%M}  {one.status:<9}  {told}  {one.name}")


def _asked(folder: Path, given: dict[str, Any]) -> dict[str, Any]:
    """Word the request that makes the batch."""
    asked = {
        "name": given["name"] or folder.resolve().name or "pictures",
        "job_type": given["job_type"],
        "options": options.chosen(given["job_type"], given),
    }
    return asked | ({"webhook_url": given["webhook"]} if given["webhook"] else {})


def _tell(plan: SubmitPlan) -> None:
    """Say what a run would do."""
    found = runs.look(plan)
    kind = plan.asked["options"].get("format", "jpeg") if plan.asked["job_type"] == "mask" else "json"
    names = [one.name for one in found.files]
    results = pictures.result_names(names, [], pictures.RESULT_SUFFIXES[kind])
    for name in names:
        click.echo(f"{name} -> {plan.out / results[name]}")
    megabytes = sum(one.size for one in found.files) / 1e6
    click.echo(f"{len(names):,} pictures, {megabytes:,.1f} MB would be sent for {plan.asked['job_type']}", err=True)
    passed = found.passed
    click.echo(f"left out: {passed.others:,} by their suffix, {passed.links:,} that lead elsewhere", err=True)
    for name in passed.nameless:
        click.echo(f"can't be sent: {name}: the name is too long, or can't be sent as it is", err=True)


def _place(url: str | None) -> targets.ServiceTarget:
    place = targets.find(url)
    if place.is_overheard:
        click.echo(f"warning: {place.url} is not https: whoever listens reads the password and the pictures", err=True)
    return place


def _manner(given: dict[str, Any]) -> RunOptions:
    return RunOptions(given["workers"], given["quiet"], not given["no_progress"])


def _end(run: Callable[[], int], again: str) -> None:
    """Carry a run out and end with its status; an end by Ctrl-C tells how to go on."""
    try:
        failures = run()
    except KeyboardInterrupt:
        click.echo(f"stopped; what was sent is worked on. To go on: {again}", err=True)
        raise SystemExit(INTERRUPTED) from None
    except click.ClickException as error:
        raise type(error)(f"{error.format_message()}\nto go on: {again}") from error
    raise SystemExit(1 if failures else 0)


def _called(url: str | None, call: Callable[[Client], Coroutine[Any, Any, Result]]) -> Result:
    """Make one call of the service."""

    async def work() -> Result:
        async with Client(_place(url), lambda line: click.echo(line, err=True)) as client:
            return await call(client)

    try:
        return asyncio.run(work())
    except RequestRejected as error:
        raise click.ClickException(str(error)) from error


def _show(one: BatchInfo) -> None:
    counts = one.counts
    click.echo(f"{one.id}  {one.name}")
    click.echo(f"{one.status}: {counts.completed:,} of {counts.total:,} done with {one.faces:,} faces")
    click.echo(
        f"{counts.queued:,} queued, {counts.running:,} at work,"
        f" {counts.failed:,} failed, {counts.cancelled:,} cancelled"
    )
    if one.rate_per_s:
        left = f", {displays.spell(one.remaining_s)} left" if one.remaining_s else ""
        click.echo(f"{one.rate_per_s:.1f}/s{left}")
