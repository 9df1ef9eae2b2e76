"""What a run shows: a bar on a terminal, a line now and then elsewhere, and a summary at the end."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from admin.batches.calls import BatchInfo
from admin.batches.journals import FAILED, Journal

LINE_EVERY_S = 10.0
SAY_EVERY_S = 5.0
SHOW_EVERY_S = 0.25


@dataclass
class Display:
    """Shows how far a run has come. show: is given sent, fetched, all of them, and the rest in words."""

    show: Callable[[int, int, int, str], None]
    tell: Callable[[str], None]
    _said_at: float = 0.0
    _shown_at: float = 0.0

    def update(self, journal: Journal, batch: BatchInfo) -> None:
        """Show where the run stands, a few times a second: it is called after each step."""
        if time.monotonic() - self._shown_at < SHOW_EVERY_S and not batch.is_over:
            return
        self._shown_at = time.monotonic()
        counts = journal.counts()
        failed = sum(counts.get(state, 0) for state in FAILED)
        total, fetched = sum(counts.values()), counts.get("downloaded", 0)
        rate = f" · {batch.rate_per_s:.1f}/s" if batch.rate_per_s else ""
        left = f" · {spell(batch.remaining_s)} left" if batch.remaining_s else ""
        words = f"{batch.faces:,} faces{rate}{left} · {failed:,} failed"
        self.show(total - counts.get("found", 0), fetched + failed, total, words)

    def say(self, line: str) -> None:
        """Tell something that would be told again and again: not more often than every few seconds."""
        if time.monotonic() - self._said_at > SAY_EVERY_S:
            self._said_at = time.monotonic()
            self.tell(line)


@contextmanager
def opened(*, quiet: bool, bar: bool) -> Iterator[Display]:
    """Show on stderr: nothing, a bar where it is a terminal, or lines."""
    console = Console(stderr=True, highlight=False, markup=False)
    if quiet:
        yield Display(lambda *_: None, lambda _: None)
    elif bar and console.is_terminal:
        yield from _bars(console)
    else:
        yield Display(_Lines(), lambda line: click.echo(line, err=True))


def _bars(console: Console) -> Iterator[Display]:
    words = TextColumn("{task.fields[words]}", markup=False)
    name = TextColumn("{task.description}", markup=False)
    with Progress(name, BarColumn(), MofNCompleteColumn(), words, console=console) as bars:
        sending = bars.add_task("sent", total=None, words="")
        fetching = bars.add_task("done", total=None, words="")

        def show(sent: int, done: int, total: int, told: str) -> None:
            bars.update(sending, completed=sent, total=total)
            bars.update(fetching, completed=done, total=total, words=told)

        yield Display(show, lambda line: console.print(line, soft_wrap=True))


class _Lines:
    """Writes a line when the last is a while ago."""

    def __init__(self) -> None:
        self._last = 0.0

    def __call__(self, sent: int, done: int, total: int, words: str) -> None:
        if time.monotonic() - self._last > LINE_EVERY_S:
            self._last = time.monotonic()
            click.echo(f"{sent:,} sent, {done:,} done of {total:,} · {words}", err=True)


def summary(journal: Journal, seconds: float) -> int:
    """Tell what came of a run; return how many pictures failed. Their names and reasons go to stderr."""
    counts, failures = journal.counts(), 0
    for one in journal.failures():
        failures += 1
        click.echo(f"failed: {one.name}: {one.detail or one.code} ({one.code})", err=True)
    done = counts.get("downloaded", 0)
    rate = f", {done / seconds:.1f}/s" if seconds > 0 else ""
    click.echo(f"{done:,} done with {journal.faces():,} faces, {failures:,} failed, in {spell(seconds)}{rate}")
    return failures


def spell(seconds: float) -> str:
    """Write a time as people say it: 48 s, 12 min, 3 h 5 min."""
    if seconds < 90:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
