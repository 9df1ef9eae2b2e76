"""`face-api video`: mask a video and download the result, resumed by the same command; manage videos."""

import asyncio
from pathlib import Path
from typing import Any, get_args

import click

from face_api_client.asynchronous.client import AsyncClient
from face_api_client.command import clients, options, targets, terminals
from face_api_client.command.batches.commands import INTERRUPTED
from face_api_client.command.option_tables import VIDEO
from face_api_client.command.targets import ServiceTarget
from face_api_client.command.videos import displays, journals
from face_api_client.command.videos.displays import VideoDisplay
from face_api_client.command.videos.journals import SourceFile, VideoJournal
from face_api_client.errors import Rejected
from face_api_client.videos import Video, VideoStatus

SUFFIXES = {".mp4": "mp4", ".m4v": "mp4", ".webm": "webm"}  # of results, and the format that each is
POLL_S = 1.0  # chosen: the service tells every two seconds


@click.group()
def video() -> None:
    """Mask the faces of a video by a service.

    The service is --url or FACE_API_URL. The credentials are --api-key, FACE_API_ADMIN_USER and
    FACE_API_ADMIN_PASSWORD, or FACE_API_KEY, whichever of these comes first. Without them, those that `face-api up` has
    written to var/dev.env are used. A key has the scope video, and sees only what it made.
    """


@video.command()
@click.argument("source", metavar="IN", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="File for the result.")
@click.option("--force", is_flag=True, help="Replace OUT if it is there.")
@click.option("--quiet", is_flag=True, help="Show only the result.")
@click.option("--no-progress", is_flag=True, help="Print lines instead of a progress bar.")
@targets.service_options
@options.options_of(VIDEO)
def mask(source: Path, out: Path, **arguments: Any) -> None:
    """Upload the video IN, and download it with its faces masked to OUT: an .mp4 or a .webm, which --format follows.

    If it is interrupted, the service goes on; the same command waits again, and sends nothing twice: the id of the
    video is kept in OUT.face-api.json until OUT is there. The exit status is 1 when the video failed.
    """
    given = _of_suffix(out, options.given_of(VIDEO, arguments))
    if out.resolve() == source.resolve():
        raise click.UsageError("--out is the video itself: choose another file")
    _require_place(out, force=arguments["force"])
    target = targets.chosen(arguments["url"])
    try:
        with displays.open_display(quiet=arguments["quiet"], bar=not arguments["no_progress"]) as display:
            done = asyncio.run(_mask(target, (source, out), given, display))
    except Rejected as error:
        raise click.ClickException(terminals.printable(str(error))) from error
    except KeyboardInterrupt:
        known = journals.read(out)
        where = f"; the service works on it as {known.video}" if known else ""
        terminals.echo(f"interrupted{where}: the same command continues", err=True)
        raise SystemExit(INTERRUPTED) from None
    if done.status != "completed":
        why = f": {done.error.detail} ({done.error.code})" if done.error else ""
        raise click.ClickException(terminals.printable(f"the video is {done.status}{why}"))
    share = f", {done.interpolated_share:.0%} of the boxes filled in" if done.interpolated_share else ""
    terminals.echo(f"{out}: {done.frames_total or 0:,} frames, {done.faces_tracked or 0:,} faces{share}")


async def _mask(target: ServiceTarget, files: tuple[Path, Path], given: dict[str, Any], display: VideoDisplay) -> Video:
    """Upload unless that was done before, wait, and download."""
    source, out = files
    async with clients.opened(target, display.notify) as client:
        known = await _resumed(client, target, files, given)
        if known is None:
            await client.list_videos(per_page=1)  # before a large file is sent
            sent = SourceFile.of(source)
            size = max(1, sent.size)
            accepted = await client.create_video(source, lambda count: display.show("sending", count / size), **given)
            known = VideoJournal(target.url, sent, given, accepted.id)
            known.write(out)
        async for shown in client.watch_video(known.video, POLL_S):
            display.show(shown.status, shown.progress, displays.status_text(shown))
        if shown.status == "completed":
            display.show("receiving", shown.progress)
            await client.download_video(known.video, out)
        journals.remove(out)
        return shown


async def _resumed(
    client: AsyncClient, target: ServiceTarget, files: tuple[Path, Path], given: dict[str, Any]
) -> VideoJournal | None:
    """Return what an earlier run has begun, if it was the same file and the service still knows the video."""
    source, out = files
    known = journals.read(out)
    if known is None or (known.url, known.source, known.options) != (target.url, SourceFile.of(source), given):
        return None
    try:
        await client.get_video(known.video)
    except Rejected as error:
        if error.code != "not_found":
            raise
        return None
    return known


def _of_suffix(out: Path, given: dict[str, Any]) -> dict[str, Any]:
    """Complete the options by the format that the result's name tells; UsageError where they say another."""
    named = SUFFIXES.get(out.suffix.lower())
    if named is None:
        raise click.UsageError(f"--out: a result is an .mp4 or a .webm, not {out.suffix or 'a name without suffix'}")
    asked = given.get("format", named)
    if asked not in {named, "same"}:
        raise click.UsageError(f"--out is named {out.suffix}, and --format is {asked}")
    return given | {"format": asked}


def _require_place(out: Path, *, force: bool) -> None:
    """UsageError if the result would have no place, or take that of another file."""
    if out.exists() and not force:
        raise click.UsageError(f"{out} is there already: choose another --out, or replace it with --force")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        journals.place(out).with_suffix(".part").touch()
        journals.place(out).with_suffix(".part").unlink()
    except OSError as error:
        raise click.UsageError(f"the result can't be written to {out.parent}: {error.strerror}") from error


@video.command("list")
@click.option("--status", type=click.Choice(get_args(VideoStatus)))
@click.option("--page", type=click.IntRange(1), default=1, show_default=True)
@targets.service_options
def list_videos(status: VideoStatus | None, page: int, url: str | None) -> None:
    """List videos, newest first."""
    for shown in clients.request(url, lambda client: client.list_videos(status, page=page, per_page=50)).items:
        displays.line(shown)


@video.command()
@click.argument("video_id", metavar="ID", type=click.UUID)
@targets.service_options
def status(video_id: Any, url: str | None) -> None:
    """Show the progress of video ID."""
    displays.line(clients.request(url, lambda client: client.get_video(str(video_id))))


@video.command()
@click.argument("video_id", metavar="ID", type=click.UUID)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="File for the result.")
@click.option("--force", is_flag=True, help="Replace OUT if it is there.")
@targets.service_options
def download(video_id: Any, out: Path, *, force: bool, url: str | None) -> None:
    """Download the result of video ID to OUT."""
    _require_place(out, force=force)
    clients.request(url, lambda client: client.download_video(str(video_id), out))
    terminals.echo(str(out))


@video.command()
@click.argument("video_id", metavar="ID", type=click.UUID)
@targets.service_options
def cancel(video_id: Any, url: str | None) -> None:
    """Cancel video ID."""
    displays.line(clients.request(url, lambda client: client.cancel_video(str(video_id))))


@video.command()
@click.argument("video_id", metavar="ID", type=click.UUID)
@click.confirmation_option(prompt="Delete the video with its result at the service?")
@targets.service_options
def delete(video_id: Any, url: str | None) -> None:
    """Delete video ID at the service, with its result; files that were downloaded stay."""
    clients.request(url, lambda client: client.delete_video(str(video_id)))
    terminals.echo(f"{video_id} is deleted")
