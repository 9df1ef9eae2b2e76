"""`face-api video`: mask a video and download the result, resumed by the same command; manage videos."""

import asyncio
from collections.abc import Awaitable
from pathlib import Path
from typing import Any, TypeVar, get_args

import click

from face_api_client.asynchronous.client import AsyncClient
from face_api_client.command import clients, options, targets, terminals
from face_api_client.command.groups import INTERRUPTED
from face_api_client.command.option_tables import VIDEO
from face_api_client.command.targets import ServiceTarget
from face_api_client.command.terminals import counted
from face_api_client.command.videos import displays, journals
from face_api_client.command.videos.displays import VideoDisplay
from face_api_client.command.videos.journals import SourceFile, VideoJournal
from face_api_client.errors import Rejected
from face_api_client.videos import Video, VideoStatus, VideoUpload

SUFFIXES = {".mp4": "mp4", ".m4v": "mp4", ".webm": "webm"}  # of results, and the format that each is
Found = TypeVar("Found")
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

    If it is interrupted, the service goes on with what it has; the same command goes on sending, or waits again, and
    sends nothing twice: the id of the video is kept in OUT.face-api.json until OUT is there. The exit status is 1 when
    the video failed.
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
        known = journals.read(out)
        if known and error.code == "not_found":
            gone = f"the service has no video {known.video} any more: it was deleted there"
            raise click.ClickException(f"{gone}; the same command sends it again") from error
        raise click.ClickException(terminals.printable(str(error))) from error
    except KeyboardInterrupt:
        known = journals.read(out)
        where = f"; the service knows it as {known.video}" if known else ""
        terminals.echo(f"interrupted{where}: the same command continues", err=True)
        raise SystemExit(INTERRUPTED) from None
    if done.status != "completed":
        why = f": {done.error.detail} ({done.error.code})" if done.error else ""
        raise click.ClickException(terminals.printable(f"the video is {done.status}{why}"))
    share = f", {done.interpolated_share:.0%} of the boxes filled in" if done.interpolated_share else ""
    found = f"{counted(done.frames_total or 0, 'frame')}, {counted(done.faces_tracked or 0, 'face')}"
    terminals.echo(f"{out}: {found}{share}")


async def _mask(target: ServiceTarget, files: tuple[Path, Path], given: dict[str, Any], display: VideoDisplay) -> Video:
    """Upload unless that was done before, wait, and download."""
    source, out = files
    async with clients.opened(target, display.notify) as client:
        known, begun = await _resumed(client, target, files, given)
        if known is None:
            sent = SourceFile.of(source)
            begun = await client.create_video_upload(source.name, sent.size)
            known = VideoJournal(target.url, sent, given, begun.id)  # the video has the id of its upload
            known.write(out)
        if begun:
            await _send(client, files, begun, given, display)
        async for shown in client.watch_video(known.video, POLL_S):
            display.show(shown.status, shown.progress, displays.status_text(shown))
        if shown.status == "completed":
            display.show("receiving", shown.progress)
            await client.download_video(known.video, out)
        journals.remove(out)
        return shown


async def _send(
    client: AsyncClient, files: tuple[Path, Path], begun: VideoUpload, given: dict[str, Any], display: VideoDisplay
) -> None:
    """Upload what is missing of a file, and make a video of it; of one that is refused, nothing is kept."""
    source, out = files
    try:
        await client.upload_video(source, lambda count: display.show("sending", count / begun.size_bytes), begun)
        await client.create_video_from_upload(begun.id, **given)
    except Rejected:
        await client.delete_video_upload(begun.id)
        journals.remove(out)
        raise


async def _resumed(
    client: AsyncClient, target: ServiceTarget, files: tuple[Path, Path], given: dict[str, Any]
) -> tuple[VideoJournal | None, VideoUpload | None]:
    """Return what an earlier run has begun, if it was the same file and the service still knows it.

    With the upload, where that was interrupted.
    """
    source, out = files
    known = journals.read(out)
    if known is None or (known.url, known.source, known.options) != (target.url, SourceFile.of(source), given):
        return None, None
    if await _found(client.get_video(known.video)):
        return known, None
    upload = await _found(client.get_video_upload(known.video))
    return (known, upload) if upload else (None, None)


async def _found(call: Awaitable[Found]) -> Found | None:
    """Return the result of a call; None where there is nothing of that id any more."""
    try:
        return await call
    except Rejected as error:
        if error.code != "not_found":
            raise
        return None


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
