"""One run: a batch made or gone on with, its pictures sent, its results fetched."""

import asyncio
import json
import sqlite3
import time
import uuid
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from admin.batches import calls, displays, pictures
from admin.batches.calls import BatchInfo
from admin.batches.clients import Client, RequestRejected
from admin.batches.displays import Display
from admin.batches.downloads import Downloads
from admin.batches.journals import Failure, Journal, JournalError
from admin.batches.pictures import LocalPicture, SkippedFiles
from admin.batches.targets import ServiceTarget
from admin.batches.uploads import Uploads


@dataclass(frozen=True)
class SubmitPlan:
    """What is to be done with a folder. asked: the body that makes the batch."""

    folder: Path
    out: Path
    asked: dict[str, Any]
    recursive: bool = False


@dataclass(frozen=True)
class RunOptions:
    """How a run is carried out."""

    workers: int = 4
    quiet: bool = False
    bar: bool = True


@dataclass(frozen=True)
class FolderListing:
    """What a folder holds."""

    files: list[LocalPicture]
    passed: SkippedFiles = field(default_factory=SkippedFiles)


def look(plan: SubmitPlan) -> FolderListing:
    """Find the pictures; a usage error where there are none, or where results would fall among them."""
    if plan.out.resolve() == plan.folder.resolve():
        raise click.UsageError("--out must be another folder: the results would replace the pictures")
    passed = SkippedFiles()
    try:
        files = list(pictures.walk(plan.folder, plan.out, passed, recursive=plan.recursive))
    except OSError as error:
        raise click.UsageError(f"{error.filename} can't be read: {error.strerror}") from error
    if not files and not passed.nameless:
        deeper = "" if plan.recursive else " (--recursive looks into its folders, too)"
        raise click.UsageError(f"there are no pictures in {plan.folder}{deeper}")
    return FolderListing(files, passed)


def begin(plan: SubmitPlan, found: FolderListing, place: ServiceTarget) -> Journal:
    """Make the journal of a new run."""
    facts = {
        "url": place.url,
        "folder": str(plan.folder.resolve()),
        "asked": json.dumps(plan.asked),
        "key": str(uuid.uuid4()),  # a batch that was made though its answer got lost is found by it
    }
    journal = Journal.begin(plan.out, facts, found.files)
    journal.fail(
        Failure(name, "unsendable_name", "the name is too long, or can't be sent as it is")
        for name in found.passed.nameless
    )
    return journal


def resume(plan: SubmitPlan, place: ServiceTarget) -> Journal:
    """Open the journal of a run that was cut off; one of another folder or service is a JournalError."""
    journal = Journal.resume(plan.out)
    facts = journal.facts()
    for name, now in (("folder", str(plan.folder.resolve())), ("url", place.url)):
        if facts.get(name, now) != now:
            journal.close()
            raise JournalError(f"{plan.out} holds the batch of another {name}: {facts[name]}")
    journal.look_again()
    return journal


def submit(plan: SubmitPlan, journal: Journal, place: ServiceTarget, manner: RunOptions) -> int:
    """Send what is to be sent and fetch what comes; return how many pictures failed."""

    async def work(display: Display) -> None:
        async with Client(place, display.say) as client:
            batch = await _made(client, journal)
            journal.name_results(pictures.RESULT_SUFFIXES.get(batch.result_kind, ".jpg"))
            uploads = Uploads(client, journal, str(batch.id), plan.folder)
            downloads = Downloads(client, journal, str(batch.id), plan.out)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_send(uploads, client, batch, manner.workers))
                tasks.create_task(downloads.follow(manner.workers, lambda now: display.update(journal, now)))

    return _run(work, journal, manner)


def download(batch_id: str, journal: Journal, place: ServiceTarget, manner: RunOptions, out: Path) -> int:
    """Fetch the results of a batch that are finished; return how many of its pictures failed."""

    async def work(display: Display) -> None:
        async with Client(place, display.say) as client:
            batch = await calls.get(client, batch_id)
            async for page in calls.every(client, batch_id):
                journal.add(one.name for one in page if pictures.is_safe(one.name))
                unsafe = (ascii(one.name) for one in page if not pictures.is_safe(one.name))
                journal.fail(Failure(name, "unsafe_name", "it would lead out of the folder") for name in unsafe)
                journal.learn(one.outcome() for one in page)
            journal.name_results(pictures.RESULT_SUFFIXES.get(batch.result_kind, ".jpg"))
            await Downloads(client, journal, batch_id, out).fetch(
                manner.workers, lambda: display.update(journal, batch)
            )
            if not batch.is_over:
                click.echo("the batch is still at work: run this again for the rest", err=True)

    return _run(work, journal, manner)


async def _made(client: Client, journal: Journal) -> BatchInfo:
    """Return the journal's batch; the first time it is made."""
    facts = journal.facts()
    if "batch" in facts:
        return await calls.get(client, facts["batch"])
    batch = await calls.create(client, json.loads(facts["asked"]), facts["key"])
    journal.note(batch=str(batch.id))
    return batch


async def _send(uploads: Uploads, client: Client, batch: BatchInfo, workers: int) -> None:
    if batch.status == "open":
        await uploads.run(workers)
        await calls.act(client, str(batch.id), "close")


def _run(work: Callable[[Display], Coroutine[Any, Any, None]], journal: Journal, manner: RunOptions) -> int:
    """Carry a run out, show it, and sum it up."""
    started = time.monotonic()
    try:
        with displays.opened(quiet=manner.quiet, bar=manner.bar) as display:
            asyncio.run(work(display))
    except BaseExceptionGroup as group:
        raise _told(_first(group)) from group
    except (RequestRejected, OSError, sqlite3.Error) as error:
        raise _told(error) from error
    return displays.summary(journal, time.monotonic() - started)


def _first(error: BaseException) -> BaseException:
    """Return one error of a group, however deep: what several tasks say at once is mostly the same."""
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


def _told(error: BaseException) -> BaseException:
    """Word for the terminal what the service refuses, and what the disk does; another error stays as it is."""
    return click.ClickException(str(error)) if isinstance(error, RequestRejected | OSError | sqlite3.Error) else error
