"""Progress of a run: a progress bar on a terminal, a line every few seconds elsewhere, and a summary at the end."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from face_api_client.batches import Batch
from face_api_client.command import terminals
from face_api_client.command.batches.journals import FAILED, Journal
from face_api_client.command.batches.outcomes import Failure
from face_api_client.command.batches.pictures import SkippedFiles
from face_api_client.command.batches.resumptions import FolderChanges
from face_api_client.command.terminals import counted

LEFT_OUT_LINES = 20
LINE_INTERVAL_S = 10.0
NOTICE_INTERVAL_S = 5.0
UPDATE_INTERVAL_S = 0.25


# What is told of pictures that are not done, in this order: the states of the journal, and those of the service.
OTHER_STATES = ("queued", "running", "failed", "refused", "cancelled", "lost", "deleted")


@dataclass
class RunRate:
    """How fast this run is. before: how many were done when it began; total, done: of now."""

    before: int = 0
    since: float = field(default_factory=time.monotonic)

    def rate_per_s(self, done: int) -> float:
        return (done - self.before) / max(time.monotonic() - self.since, 0.001)

    def told(self, done: int, total: int) -> str:
        """Return the rate, and how long the rest takes at that rate."""
        rate = self.rate_per_s(done)
        if rate <= 0:
            return ""
        left = f" · {format_duration((total - done) / rate)} left" if total > done else ""
        return f" · {rate:.1f}/s{left}"


@dataclass
class ProgressDisplay:
    """Shows the progress of a run. show: takes uploaded, done and total counts, and a status text; notify: a notice."""

    show: Callable[[int, int, int, str], None]
    notify: Callable[[str], None]
    pace: RunRate = field(default_factory=RunRate)
    _notified_at: float = 0.0
    _shown_at: float = 0.0

    def update(self, journal: Journal, batch: Batch) -> None:
        """Show the current counts, at most a few times a second: it is called after each step."""
        if time.monotonic() - self._shown_at < UPDATE_INTERVAL_S and not batch.is_finished:
            return
        self._shown_at = time.monotonic()
        counts = journal.counts_by_state()
        failed = sum(counts.get(state, 0) for state in FAILED)
        total, downloaded = sum(counts.values()), counts.get("downloaded", 0)
        # Faces as the summary counts them, of the results that are here: the service is further.
        status = f"{counted(journal.face_count(), 'face')}{self.pace.told(downloaded + failed, total)}{others(counts)}"
        self.show(total - counts.get("found", 0), downloaded, total, status)

    def notice(self, line: str) -> None:
        """Show a notice that may repeat quickly, at most every few seconds."""
        if time.monotonic() - self._notified_at > NOTICE_INTERVAL_S:
            self._notified_at = time.monotonic()
            self.notify(line)


@contextmanager
def open_display(*, quiet: bool, bar: bool) -> Iterator[ProgressDisplay]:
    """Display on stderr: nothing, a bar where it is a terminal, or lines."""
    console = Console(stderr=True, highlight=False, markup=False)
    if quiet:
        yield ProgressDisplay(lambda *_: None, lambda _: None)
    elif bar and console.is_terminal:
        yield from _bars(console)
    else:
        yield ProgressDisplay(_LinePrinter(), lambda line: terminals.echo(line, err=True))


def _bars(console: Console) -> Iterator[ProgressDisplay]:
    status = TextColumn("{task.fields[status]}", markup=False)
    name = TextColumn("{task.description}", markup=False)
    with Progress(name, BarColumn(), MofNCompleteColumn(), status, console=console) as bars:
        uploads = bars.add_task("sent", total=None, status="")
        downloads = bars.add_task("done", total=None, status="")

        def show(sent: int, done: int, total: int, text: str) -> None:
            bars.update(uploads, completed=sent, total=total)
            bars.update(downloads, completed=done, total=total, status=text)

        yield ProgressDisplay(show, lambda line: console.print(terminals.printable(line), soft_wrap=True))


class _LinePrinter:
    """Prints a line when the last one is some seconds old."""

    def __init__(self) -> None:
        self._last = 0.0

    def __call__(self, sent: int, done: int, total: int, status: str) -> None:
        if time.monotonic() - self._last > LINE_INTERVAL_S:
            self._last = time.monotonic()
            terminals.echo(f"{sent:,} sent, {done:,} done of {total:,} · {status}", err=True)


def left_out(skipped: SkippedFiles, most: int | None = None) -> None:
    """Name the files of a folder that are not uploaded, and why: at most so many, else all."""
    files = sorted(skipped.left_out)
    for name, why in files[:most]:
        terminals.echo(f"left out: {name}: {why}", err=True)
    more = len(files) - len(files[:most])
    if more and most:
        terminals.echo(f"left out: {more:,} more, which --dry-run names", err=True)


def changes(found: FolderChanges, journal: Journal, *, names: bool) -> int:
    """Print what a resumed run sends and what it can't; return the number of the latter. names: of all."""
    pending = [*(file.name for file in journal.pending_uploads()), *(file.name for file in found.new)]
    for name in pending if names else ():
        terminals.echo(f"would be sent: {name}")
    for name, why in found.unsent:
        terminals.echo(f"not sent: {name}: {why}; send it with another --out", err=True)
    results = journal.counts_by_state().get("downloaded", 0)
    here = f"{counted(results, 'result')} with {counted(journal.face_count(), 'face')} here"
    terminals.echo(f"{len(pending):,} to send, {len(found.new):,} of them new; {here}", err=True)
    return len(found.unsent)


def whereabouts(batch: str, url: str, out: Path) -> str:
    """Return where a batch is: its id, its page in the console, and the folder of its results."""
    return f"batch {batch}: {url}/console/batches/{batch}, results in {out.resolve()}"


def others(counts: Mapping[str, int]) -> str:
    """Return how many pictures are not done, by state; that none has failed is told, too."""
    told = [(state, counts.get(state, 0)) for state in OTHER_STATES]
    return "".join(f", {count:,} {state}" for state, count in told if count or state == "failed")


def failure(found: Failure) -> None:
    """Print why there is no result of a picture."""
    why = f": {found.detail or found.code} ({found.code})" if found.detail or found.code != found.state else ""
    terminals.echo(f"{found.state}: {found.name}{why}", err=True)


def summary(journal: Journal, pace: RunRate) -> int:
    """Print the summary of a run, and each failure to stderr; return the number of failures."""
    counts, failures = journal.counts_by_state(), 0
    for found in journal.failures():
        failures += 1
        failure(found)
    since = _deleted_since(journal)
    done, seconds = counts.get("downloaded", 0), time.monotonic() - pace.since
    gone = f", {len(since):,} of them deleted at the service since" if since else ""
    new = f", {done - pace.before:,} of them now" if 0 < pace.before < done else ""
    rate = f", {pace.rate_per_s(done):.1f}/s" if done > pace.before else ""
    metadata = journal.metadata()
    skipped, to_review = int(metadata.get("left_out", 0)), int(metadata.get("to_review", 0))
    left = f", {skipped:,} left out" if skipped else ""
    outcome = f"{done:,} done with {counted(journal.face_count(), 'face')}{new}{gone}{others(counts)}{left}"
    terminals.echo(f"{outcome}, in {format_duration(seconds)}{rate}")
    unnamed = int(metadata.get("deleted", 0)) - len(since) - counts.get("deleted", 0)
    if unnamed > 0:
        terminals.echo(f"{unnamed:,} more deleted at the service, before this folder knew their names")
    if to_review:
        terminals.echo(f"{to_review:,} to review: {metadata['url']}/console/review?batch_id={metadata['batch']}")
    return failures


def deletions(journal: Journal) -> None:
    """Print what was deleted at the service, with a result here and without."""
    for found in journal.failures():
        if found.state == "deleted":
            failure(found)
    _deleted_since(journal)


def _deleted_since(journal: Journal) -> list[str]:
    names = journal.deleted_since()
    for name in names:
        terminals.echo(f"deleted since: {name}: it was deleted at the service; its result stays here", err=True)
    return names


def format_duration(seconds: float) -> str:
    """Format a time: 48 s, 12 min, 3 h 5 min."""
    if seconds < 90:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def batch(info: Batch) -> None:
    """Print what is known of a batch."""
    counts = info.counts
    terminals.echo(f"{info.id}  {info.name}")
    rest = others(asdict(counts))
    done = f"{counts.completed:,} of {counts.total:,} done"
    terminals.echo(f"{info.status}: {done} with {counted(info.faces, 'face')}{rest}")
    if info.to_review:
        terminals.echo(f"{info.to_review:,} to review")
    if info.rate_per_s:
        left = f", {format_duration(info.remaining_s)} left" if info.remaining_s else ""
        terminals.echo(f"{info.rate_per_s:.1f}/s{left}")
