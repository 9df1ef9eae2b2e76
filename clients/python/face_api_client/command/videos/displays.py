"""Progress of a video: a bar on a terminal, a line every few seconds elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from face_api_client.command import terminals
from face_api_client.command.batches.displays import LINE_INTERVAL_S, format_duration
from face_api_client.command.terminals import counted
from face_api_client.videos import Video


class VideoDisplay(Protocol):
    def show(self, what: str, share: float, text: str = "") -> None:
        """Show how far something is: 0 to 1."""

    def notify(self, line: str) -> None:
        """Show a notice."""


@contextmanager
def open_display(*, quiet: bool, bar: bool) -> Iterator[VideoDisplay]:
    """Display on stderr: nothing, a bar where it is a terminal, or lines."""
    console = Console(stderr=True, highlight=False, markup=False)
    if quiet:
        yield _Silent()
    elif bar and console.is_terminal:
        columns = TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn()
        with Progress(*columns, TextColumn("{task.fields[text]}", markup=False), console=console) as progress:
            yield _Bar(progress, progress.add_task("", total=1.0, text=""))
    else:
        yield _Lines()


def status_text(video: Video) -> str:
    """Word how far a video is."""
    frames = f"{video.frames_done:,} of {counted(video.frames_total, 'frame')}" if video.frames_total else ""
    left = f"{format_duration(video.eta_s)} left" if video.eta_s else ""
    return " · ".join(part for part in (frames, left) if part)


def line(video: Video) -> None:
    """Print a video on a line: id, when it was sent, state and how far, name."""
    sent = f"{video.created_at:%Y-%m-%d %H:%M}" if video.created_at else ""
    why = f": {video.error.code}" if video.error else ""
    far = "" if video.is_finished else f" {video.progress:.0%}"
    terminals.echo(f"{video.id}  {sent}  {video.status}{far}{why}  {status_text(video)}  {video.filename}")


class _Silent:
    def show(self, what: str, share: float, text: str = "") -> None:
        """Nothing."""

    def notify(self, line: str) -> None:
        """Nothing."""


@dataclass
class _Bar:
    progress: Progress
    task: object

    def show(self, what: str, share: float, text: str = "") -> None:
        self.progress.update(self.task, description=what, completed=share, text=text)  # type: ignore[arg-type]  # its id

    def notify(self, line: str) -> None:
        self.progress.console.print(terminals.printable(line), soft_wrap=True)


class _Lines:
    def __init__(self) -> None:
        self._last = 0.0

    def show(self, what: str, share: float, text: str = "") -> None:
        if time.monotonic() - self._last > LINE_INTERVAL_S:
            self._last = time.monotonic()
            terminals.echo(f"{what}: {share:.0%} {text}".rstrip(), err=True)

    def notify(self, line: str) -> None:
        terminals.echo(line, err=True)
