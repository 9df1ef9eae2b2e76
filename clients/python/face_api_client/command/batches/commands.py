"""`face-api batch`: submit a folder of pictures to a service, download the results, manage batches."""

import asyncio
import shlex
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal, TypeVar

import click

from face_api_client.command import clients, options, targets, terminals
from face_api_client.command.batches import displays, downloads, pictures, runs
from face_api_client.command.batches.journals import Journal, JournalError
from face_api_client.command.batches.runs import RunOptions, SubmitPlan
from face_api_client.command.clients import NotReached
from face_api_client.command.groups import INTERRUPTED

Command = TypeVar("Command", bound=Callable[..., Any])
FOLDER = click.Path(path_type=Path, file_okay=False)


def _run_options(command: Command) -> Command:
    for option in (
        click.option(
            "--workers", type=click.IntRange(1, 64), default=4, show_default=True, help="Concurrent requests."
        ),
        click.option("--quiet", is_flag=True, help="Show only the summary and the failures."),
        click.option("--no-progress", is_flag=True, help="Print lines instead of a progress bar."),
    ):
        command = option(command)
    return command


@click.group()
def batch() -> None:
    """Submit many pictures to a service, and download the results.

    The service is --url or FACE_API_URL. The credentials are --api-key, FACE_API_ADMIN_USER and
    FACE_API_ADMIN_PASSWORD, or FACE_API_KEY, whichever of these comes first. Without them, those that `face-api up` has
    written to var/dev.env are used. A key has the scope batch, and sees only what it made.
    """


@batch.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--out", type=FOLDER, required=True, help="Folder for the results, with the same tree as DIR.")
@click.option("--name", help="Name of the batch; by default that of the folder.")
@click.option("--job-type", type=click.Choice(["mask", "detect"]), show_default="mask")
@click.option("--recursive", is_flag=True, help="Include the folders below DIR.")
@click.option("--resume", is_flag=True, help="Continue the run that was started in OUT.")
@click.option(
    "--dry-run", is_flag=True, help="Show what would be uploaded and, with --resume, what was deleted; upload nothing."
)
@click.option("--webhook-url", "--webhook", metavar="URL", help="URL that the service calls when the batch is done.")
@_run_options
@targets.service_options
@options.detection_options
def submit(folder: Path, out: Path, **arguments: Any) -> None:
    """Upload the pictures of DIR and download the results into OUT.

    If it is interrupted, the same command with --resume continues: nothing is uploaded or downloaded twice. OUT must
    be another folder than DIR. The exit status is 1 when a picture failed (each is listed), and 2 when the run could
    not start.
    """
    plan = SubmitPlan(folder, out, _batch_request(folder, arguments), arguments["recursive"], arguments["resume"])
    if arguments["dry_run"] and not plan.resumes:
        _show_plan(plan)
        return
    target = targets.chosen(arguments["url"])
    resume_command = f"face-api batch submit {shlex.quote(str(folder))} --out {shlex.quote(str(out))} --resume"
    unsent = 0
    if plan.resumes:
        opened = runs.resume(plan, target)
        downloads.check_results(opened, out)
        listing, changes = runs.list_again(plan, opened)
        unsent = displays.changes(changes, opened, names=arguments["dry_run"])
        if arguments["dry_run"]:
            displays.left_out(listing.skipped)
            with closing(opened):
                _check(target)
                runs.tell_deletions(opened, target, out)
            return
        _check(target)
        opened.add_files(changes.new)
        opened.reset_lost()
    else:
        listing = runs.list_folder(plan)
        _check(target)
        opened = runs.begin(plan, listing, target)
        displays.left_out(listing.skipped, 0 if arguments["quiet"] else displays.LEFT_OUT_LINES)
    with closing(opened) as journal:
        _exit_with_status(lambda: runs.submit(plan, journal, target, _run_settings(arguments)) + unsent, resume_command)


@batch.command()
@click.argument("batch_id", metavar="ID", type=click.UUID)
@click.option("--out", type=FOLDER, required=True, help="Folder for the results.")
@_run_options
@targets.service_options
def download(batch_id: Any, out: Path, **arguments: Any) -> None:
    """Download the finished results of batch ID into OUT; those already there are skipped."""
    target, name = targets.chosen(arguments["url"]), str(batch_id)
    _check(target)
    resume_command = f"face-api batch download {name} --out {shlex.quote(str(out))}"
    with closing(Journal.open_or_create(out, {"url": target.url, "batch": name})) as journal:
        if journal.metadata().get("batch") != name:
            raise JournalError(f"{out} holds another batch: choose another folder")
        downloads.check_results(journal, out)
        journal.reset_lost()
        _exit_with_status(lambda: runs.download(name, journal, target, _run_settings(arguments), out), resume_command)


@batch.command()
@click.argument("batch_id", metavar="ID", type=click.UUID)
@targets.service_options
def status(batch_id: Any, url: str | None) -> None:
    """Show the progress of batch ID."""
    displays.batch(clients.request(url, lambda client: client.get_batch(str(batch_id))))


@batch.command()
@click.argument("batch_id", metavar="ID", type=click.UUID)
@targets.service_options
def cancel(batch_id: Any, url: str | None) -> None:
    """Cancel batch ID; finished results are kept."""
    displays.batch(clients.request(url, lambda client: client.cancel_batch(str(batch_id))))


@batch.command()
@click.argument("batch_id", metavar="ID", type=click.UUID)
@targets.service_options
def retry(batch_id: Any, url: str | None) -> None:
    """Retry the failed items of batch ID; then `submit --resume` or `download` fetches their results."""
    displays.batch(clients.request(url, lambda client: client.retry_failed_items(str(batch_id))))


@batch.command()
@click.argument("batch_id", metavar="ID", type=click.UUID)
@click.confirmation_option(prompt="Delete the batch with its pictures and results at the service?")
@targets.service_options
def delete(batch_id: Any, url: str | None) -> None:
    """Delete batch ID at the service, with its pictures, results and jobs; files that were downloaded stay."""
    clients.request(url, lambda client: client.delete_batch(str(batch_id)))
    terminals.echo(f"{batch_id} is deleted")


@batch.command("list")
@click.option("--status", type=click.Choice(["open", "running", "completed", "cancelled"]))
@click.option("--page", type=click.IntRange(1), default=1, show_default=True)
@targets.service_options
def list_batches(status: Literal["open"] | None, page: int, url: str | None) -> None:
    """List batches, newest first."""
    for info in clients.request(url, lambda client: client.list_batches(status, page=page, per_page=50)).items:
        counts = info.counts
        progress = f"{counts.completed:>7,} of {counts.total:>7,} done{displays.others(asdict(counts))}"
        terminals.echo(f"{info.id}  {info.created_at:%Y-%m-%d %H:%M}  {info.status:<9}  {progress}  {info.name}")


def _batch_request(folder: Path, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the body of the request that creates the batch; for --resume, what was given of it."""
    job_type = arguments["job_type"] or "mask"
    given = {"name": arguments["name"], "job_type": arguments["job_type"], "webhook_url": arguments["webhook_url"]}
    body = {name: value for name, value in given.items() if value}
    if not arguments["resume"]:
        body = {"name": folder.resolve().name or "pictures", "job_type": job_type} | body
    return body | {"options": options.given_options(job_type, arguments)}


def _show_plan(plan: SubmitPlan) -> None:
    """Print what a run would do."""
    listing = runs.list_folder(plan)
    kind = plan.request["options"].get("format", "jpeg") if plan.request["job_type"] == "mask" else "json"
    names = [picture.name for picture in listing.files]
    results = pictures.result_names(names, [], pictures.RESULT_SUFFIXES[kind])
    for name in names:
        terminals.echo(f"{name} -> {plan.out / results[name]}")
    megabytes = sum(picture.size for picture in listing.files) / 1e6
    found = f"{terminals.counted(len(names), 'picture')}, {megabytes:,.1f} MB"
    terminals.echo(f"{found} would be uploaded for {plan.request['job_type']}", err=True)
    displays.left_out(listing.skipped)
    for unsendable in listing.skipped.unsendable:
        displays.failure(unsendable)


def _check(target: targets.ServiceTarget) -> None:
    """Find out whether batches can be made there, before anything is started."""
    asyncio.run(clients.check(target, lambda client: client.list_batches(per_page=1)))


def _run_settings(arguments: dict[str, Any]) -> RunOptions:
    return RunOptions(arguments["workers"], arguments["quiet"], not arguments["no_progress"])


def _exit_with_status(run: Callable[[], int], resume_command: str) -> None:
    """Execute a run and exit with its status; when it is interrupted, print the command that resumes it."""
    try:
        failures = run()
    except KeyboardInterrupt:
        terminals.echo(f"interrupted; uploaded pictures are still processed. To resume: {resume_command}", err=True)
        raise SystemExit(INTERRUPTED) from None
    except (runs.BatchGone, runs.BatchRefused, NotReached, targets.NoAccess):
        raise
    except click.ClickException as error:
        raise click.ClickException(f"{error.format_message()}\nto resume: {resume_command}") from error
    raise SystemExit(1 if failures else 0)
