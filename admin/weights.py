"""`face-api weights`: list, fetch and verify the model files."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from core import config
from core.config import Settings
from core.errors.startup import SettingsError, WeightsError
from core.weights import downloads, locations, manifest, versions
from core.weights.locations import Availability
from core.weights.manifest import ModelEntry

AUTO = "auto"


class OneLineErrors(click.Group):
    """Prints errors that an operator can fix as one line on stderr, with exit status 1."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except (SettingsError, WeightsError) as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=OneLineErrors)
@click.option("--manifest", "manifest_file", type=click.Path(path_type=Path), default=manifest.MANIFEST, hidden=True)
@click.pass_context
def weights(ctx: click.Context, manifest_file: Path) -> None:
    """List, fetch and verify the model files."""
    ctx.obj = manifest_file


@weights.command("list")
@click.pass_obj
def list_models(manifest_file: Path) -> None:
    """List the models: licence, size, state, accuracy; * marks the one in use."""
    settings = config.read()
    chosen, reason = locations.choose(settings, manifest_file)
    entries = manifest.entries(manifest_file)
    rows = [("", "model", "licence", "size", "state", "WIDER AP")]
    notes: list[str] = []
    for model in locations.survey(settings, manifest_file):
        entry = model.entry
        mark = "*" if entry == chosen else ""
        accuracy = " / ".join(f"{ap:.2f}" for ap in entry.wider_ap)
        rows.append((mark, entry.name, entry.licence, f"{entry.bytes / 1e6:.1f} MB", model.availability, accuracy))
        # The reason of `auto` already names what ruled out more accurate models.
        notes += [note for note in model.notes if note not in reason]
        if mark and model.availability is Availability.MISSING:
            reason += f"; it is fetched with: {chosen.pull_command}"
    click.echo("\n".join(table(rows)))
    click.echo(f"\n* {chosen.name}: {reason}")
    click.echo("WIDER AP: WIDER FACE validation, easy / medium / hard, in per cent, as published:")
    for source in dict.fromkeys(entry.wider_ap_source for entry in entries):
        names = ", ".join(entry.name for entry in entries if entry.wider_ap_source == source)
        click.echo(f"  {names}: {source}")
    for note in notes:
        click.echo(f"warning: {note}", err=True)


@weights.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.pass_obj
def pull(manifest_file: Path, names: tuple[str, ...]) -> None:
    """Fetch models: from FACE_API_WEIGHTS_MIRROR, else from their official sources.

    `auto` is the one that FACE_API_MODEL=auto uses.
    """
    settings = config.read()
    for name in names:
        if name != AUTO:
            manifest.entry(name, manifest_file)  # before anything is fetched
    failures = []
    with terminal() as listener:
        for name in names:
            try:
                _prepare(_fetched(name, settings, listener, manifest_file), listener)
            except WeightsError as error:
                failures.append(str(error))
    if failures:
        raise WeightsError("\n".join(failures))


def _fetched(name: str, settings: Settings, listener: downloads.Listener, manifest_file: Path) -> ModelEntry:
    if name == AUTO:
        entry, reason = downloads.ensure(settings.model_copy(update={"model": AUTO}), listener, manifest_file)
        listener.on_message(f"{entry.name}: {reason}")
    else:
        entry = manifest.entry(name, manifest_file)
        downloads.pull(entry, settings, listener)
    return entry


def _prepare(entry: ModelEntry, listener: downloads.Listener) -> None:
    """Make what a worker would make of the file, which may only be allowed to read the folder."""
    if entry.needs_preparation:
        listener.on_message(
            f"{entry.name}: " + ("making and testing its int8 version" if entry.int8 else "preparing it")
        )
        version = versions.run_chooser(entry.name)
        listener.on_message(f"{entry.name}: runs in {version.precision} ({version.path})")


@weights.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.pass_obj
def verify(manifest_file: Path, names: tuple[str, ...]) -> None:
    """Check size and sha256 of the downloaded model files, or of those named."""
    settings = config.read()
    entries = [manifest.entry(name, manifest_file) for name in names] or manifest.entries(manifest_file)
    failures = []
    for entry in entries:
        file = settings.weights_dir / entry.file
        problem = manifest.file_problem(file, entry.bytes, entry.sha256)
        click.echo(f"{entry.name}: {file} {problem or 'is right'}")
        if problem and (names or problem != manifest.FILE_MISSING):
            failures.append(entry)
    if failures:
        commands = "; ".join(entry.pull_command for entry in failures)
        raise WeightsError(f"{len(failures)} of {len(entries)} files are missing or wrong; fetch with: {commands}")


@contextmanager
def terminal() -> Iterator[downloads.Listener]:
    """Print downloads on stdout, with progress bars if it is a terminal."""
    console = Console(highlight=False, markup=False)
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    description = TextColumn("{task.description}", markup=False)
    with Progress(description, *columns, console=console, disable=not console.is_terminal) as bars:
        tasks: dict[str, TaskID] = {}

        def show_progress(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(name, total=total)
            bars.update(tasks[name], completed=done)

        yield downloads.Listener(lambda line: console.print(line, soft_wrap=True), show_progress)


def table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Align the columns of a table to lines of text."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
