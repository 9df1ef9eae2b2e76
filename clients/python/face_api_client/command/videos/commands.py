"""`face-api video mask`: upload a video, wait for it, download the result; resumed by the same command."""

import asyncio
from pathlib import Path
from typing import Any

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
from face_api_client.videos import Video

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
@click.option("--quiet", is_flag=True, help="Show only the result.")
@click.option("--no-progress", is_flag=True, help="Print lines instead of a progress bar.")
@targets.service_options
@options.options_of(VIDEO)
def mask(source: Path, out: Path, **arguments: Any) -> None:
    """Upload the video IN, and download it with its faces masked to OUT.

    If it is interrupted, the service goes on; the same command waits again, and sends nothing twice: the id of the
    video is kept in OUT.face-api.json until OUT is there. The exit status is 1 when the video failed.
    """
    if out.resolve() == source.resolve():
        raise click.UsageError("--out is the video itself: choose another file")
    given = options.given_of(VIDEO, arguments)
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
