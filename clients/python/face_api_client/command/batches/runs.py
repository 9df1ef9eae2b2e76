"""One run: creates or resumes a batch, uploads its pictures, downloads its results."""

import asyncio
import json
import sqlite3
import uuid
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import click

from face_api_client.asynchronous.client import AsyncClient
from face_api_client.batches import Batch, NewBatch
from face_api_client.command import clients, terminals
from face_api_client.command.batches import displays, pictures, resumptions
from face_api_client.command.batches.displays import ProgressDisplay, RunRate
from face_api_client.command.batches.downloads import Downloader, record_deletions
from face_api_client.command.batches.journals import FAILED, Journal, JournalError
from face_api_client.command.batches.outcomes import Failure, ItemOutcome
from face_api_client.command.batches.pictures import LocalPicture, SkippedFiles
from face_api_client.command.batches.resumptions import FolderChanges
from face_api_client.command.batches.uploads import Uploader
from face_api_client.command.targets import ServiceTarget
from face_api_client.errors import Rejected


class BatchRefused(click.ClickException):
    """The service refused to create the batch: there is nothing to resume."""

    exit_code = 2


class BatchGone(click.ClickException):
    """The service has no such batch, or no longer: there is nothing to resume."""

    exit_code = 2


@dataclass(frozen=True)
class SubmitPlan:
    """A folder to process. request: the body that creates the batch."""

    folder: Path
    out: Path
    request: dict[str, Any]
    recursive: bool = False
    resumes: bool = False  # then the request holds only what was given


@dataclass(frozen=True)
class RunOptions:
    """How a run is executed. bar: a progress bar instead of lines, on a terminal."""

    workers: int = 4
    quiet: bool = False
    bar: bool = True


@dataclass(frozen=True)
class FolderListing:
    """The contents of a folder."""

    files: list[LocalPicture]
    skipped: SkippedFiles = field(default_factory=SkippedFiles)


def list_folder(plan: SubmitPlan) -> FolderListing:
    """List the pictures; UsageError if there are none, or if the results would replace them."""
    if plan.out.resolve() == plan.folder.resolve():
        raise click.UsageError("--out must be another folder: the results would replace the pictures")
    skipped = SkippedFiles()
    try:
        files = list(pictures.walk(plan.folder, plan.out, skipped, recursive=plan.recursive))
    except OSError as error:
        raise click.UsageError(f"{error.filename} can't be read: {error.strerror}") from error
    if not files and not skipped.unsendable and not plan.resumes:
        hint = "" if plan.recursive else " (--recursive includes its subfolders)"
        raise click.UsageError(f"there are no pictures in {plan.folder}{hint}")
    return FolderListing(files, skipped)


def begin(plan: SubmitPlan, listing: FolderListing, target: ServiceTarget) -> Journal:
    """Create the journal of a new run."""
    metadata = {
        "url": target.url,
        "folder": str(plan.folder.resolve()),
        "asked": json.dumps(plan.request),  # runs of older versions have it under this name
        "recursive": str(plan.recursive),
        "key": str(uuid.uuid4()),  # finds a batch that was created though the response got lost
    }
    if left_out := len(listing.skipped.left_out):
        metadata["left_out"] = str(left_out)
    journal = Journal.create(plan.out, metadata, listing.files)
    journal.mark_failed(listing.skipped.unsendable)
    return journal


def resume(plan: SubmitPlan, target: ServiceTarget) -> Journal:
    """Open the journal of an interrupted run; JournalError if it is of another folder or service."""
    journal = Journal.open_existing(plan.out)
    metadata = journal.metadata()
    for name, current in (("folder", str(plan.folder.resolve())), ("url", target.url)):
        if metadata.get(name, current) != current:
            journal.close()
            raise JournalError(f"{plan.out} holds the batch of another {name}: {metadata[name]}")
    try:
        resumptions.refuse_other_options(plan.request, metadata, recursive=plan.recursive)
    except JournalError:
        journal.close()
        raise
    return journal


def list_again(plan: SubmitPlan, journal: Journal) -> tuple[FolderListing, FolderChanges]:
    """List the folder of an interrupted run again, as deep as then, and compare it with the journal."""
    recursive = journal.metadata().get("recursive", str(plan.recursive)) == "True"
    listing = list_folder(replace(plan, recursive=recursive))
    return listing, resumptions.compare(plan.folder, listing.files, journal)


def submit(plan: SubmitPlan, journal: Journal, target: ServiceTarget, options: RunOptions) -> int:
    """Upload pending pictures and download results as they finish; return the number of failures."""

    async def work(display: ProgressDisplay) -> None:
        async with clients.opened(target, display.notice) as client:
            batch = await _get_or_create(client, journal)
            display.notify(displays.whereabouts(batch.id, target.url, plan.out))
            journal.assign_result_names(pictures.RESULT_SUFFIXES.get(batch.result_kind, ".jpg"))
            uploader = Uploader(client, journal, batch.id, plan.folder)
            downloader = Downloader(client, journal, batch.id, plan.out, display.notify)
            states = [batch]

            def show(state: Batch) -> None:
                states[:] = [state]
                display.update(journal, state)

            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_upload(uploader, client, batch, options.workers))
                tasks.create_task(downloader.download_until_finished(options.workers, show))
            journal.set_metadata(to_review=str(states[0].to_review), deleted=str(states[0].counts.deleted))

    return _run(work, journal, options, plan.out)


def download(batch_id: str, journal: Journal, target: ServiceTarget, options: RunOptions, out: Path) -> int:
    """Download the finished results of a batch; return the number of failed pictures."""

    async def work(display: ProgressDisplay) -> None:
        async with clients.opened(target, display.notice) as client:
            batch = await client.get_batch(batch_id)
            display.notify(displays.whereabouts(batch_id, target.url, out))
            async for page in client.all_items(batch_id):
                names = [item.name for item in page if item.name is not None]
                journal.add_uploaded(name for name in names if pictures.is_safe(name))
                unsafe = [terminals.printable(name) for name in names if not pictures.is_safe(name)]
                journal.mark_failed(Failure(name, "unsafe_name", "it would lead out of the folder") for name in unsafe)
                journal.record_outcomes(ItemOutcome.of(item) for item in page)
            journal.assign_result_names(pictures.RESULT_SUFFIXES.get(batch.result_kind, ".jpg"))
            downloader = Downloader(client, journal, batch_id, out, display.notify)
            await downloader.download_finished(options.workers, lambda: display.update(journal, batch))
            deleted = (await record_deletions(client, journal, batch_id)).counts.deleted
            journal.set_metadata(to_review=str(batch.to_review), deleted=str(deleted), batch=batch_id)
            if not batch.is_finished:
                terminals.echo("the batch is still running: run this again for the rest", err=True)

    return _run(work, journal, options, out)


def tell_deletions(journal: Journal, target: ServiceTarget, out: Path) -> None:
    """Print what the service, which is only read, says of the batch, and what it has deleted of it; BatchGone."""
    batch_id = journal.metadata().get("batch")
    if batch_id is None:  # the run ended before there was one
        return
    try:
        displays.batch(clients.run(target, lambda client: record_deletions(client, journal, batch_id)))
    except Rejected as error:
        raise (_gone(journal, out) if error.code == "not_found" else click.ClickException(str(error))) from error
    displays.deletions(journal)


async def _get_or_create(client: AsyncClient, journal: Journal) -> Batch:
    """Return the journal's batch, which is created the first time."""
    metadata = journal.metadata()
    if "batch" in metadata:
        return await client.get_batch(metadata["batch"])
    try:
        batch = await client.create_batch(NewBatch(**json.loads(metadata["asked"]), idempotency_key=metadata["key"]))
    except Rejected as error:
        journal.remove()  # what the batch was refused for can be put right, without --resume
        raise BatchRefused(str(error)) from error
    journal.set_metadata(batch=batch.id)
    return batch


async def _upload(uploader: Uploader, client: AsyncClient, batch: Batch, workers: int) -> None:
    if batch.status == "open":
        await uploader.run(workers)
        await client.close_batch(batch.id)


def _run(
    work: Callable[[ProgressDisplay], Coroutine[Any, Any, None]], journal: Journal, options: RunOptions, out: Path
) -> int:
    """Execute a run with its progress display, and print the summary; however it ends, where the batch is."""
    counts = journal.counts_by_state()
    pace = RunRate(counts.get("downloaded", 0))
    try:
        with displays.open_display(quiet=options.quiet, bar=options.bar) as display:
            display.pace = RunRate(pace.before + sum(counts.get(state, 0) for state in FAILED))
            asyncio.run(work(display))
    except (KeyboardInterrupt, click.ClickException):
        _tell_where(journal, out)
        raise
    except (Rejected, OSError, sqlite3.Error) as error:
        if isinstance(error, Rejected) and error.code == "not_found":  # that of a result is noted where it is fetched
            raise _gone(journal, out) from error
        _tell_where(journal, out)
        raise click.ClickException(str(error)) from error
    failures = displays.summary(journal, pace)
    _tell_where(journal, out)
    return failures


def _gone(journal: Journal, out: Path) -> BatchGone:
    """Name the pictures without a result, and return what there is to say; a journal of nothing is removed."""
    batch, counts = journal.metadata()["batch"], journal.counts_by_state()
    unfinished = [Failure(name, "batch_deleted", "its batch is gone", "lost") for name in journal.unfinished()]
    for failure in (*journal.failures(), *unfinished):
        displays.failure(failure)
    gone = f"the service has no batch {batch} (deleted, or another caller's)"
    if not counts:
        journal.remove()
        return BatchGone(gone)
    here = f"{counts.get('downloaded', 0):,} of {sum(counts.values()):,} results are in {out.resolve()} and stay there"
    return BatchGone(f"{gone}: {here}; choose another --out")


def _tell_where(journal: Journal, out: Path) -> None:
    """Print where the batch is, if there is one."""
    try:
        metadata = journal.metadata()
    except sqlite3.Error:  # the disk is full, or gone
        return
    if "batch" in metadata:
        terminals.echo(displays.whereabouts(metadata["batch"], metadata["url"], out))
