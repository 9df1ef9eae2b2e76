"""Links to stored pictures: they work for a while, for anyone who has them."""

from pathlib import PurePosixPath

from core.contract.deeds import Deed
from core.contract.roles import Role
from core.database.models import Video
from core.records.rows import StoredImage, StoredJob
from core.storage.objects import Disposition
from web import current
from web.auth import callers, origins, trails


def original(image: StoredImage, disposition: Disposition = "inline") -> str:
    """Link to an original, which is recorded. Only for callers who may see it: see original_if_allowed."""
    trails.note_original(Deed.ORIGINAL_LINKED if disposition == "inline" else Deed.ORIGINAL_DOWNLOADED, image.id)
    return _link(image.s3_key, image.filename, image.content_type, disposition)


def original_if_allowed(image: StoredImage) -> str | None:
    """Link to an original to be displayed; None for an administrator who may not see it."""
    return original(image) if callers.may(Role.OPERATOR) else None


def webhook_if_allowed(url: str | None) -> str | None:
    """Return where messages go; None for an administrator who may not see it: whoever knows it may post there."""
    return url if callers.may(Role.OPERATOR) else None


def processed(key: str) -> str:
    """Link to a result, to be displayed."""
    path = PurePosixPath(key)
    return _link(key, path.name, f"image/{path.suffix[1:]}", "inline")


def download(job: StoredJob, image: StoredImage) -> str:
    """Link to a job's result, to be saved under a name next to the original's."""
    name = f"{PurePosixPath(image.filename).stem}-masked.{job.output_format}"
    return _link(job.processed_s3_key or "", name, f"image/{job.output_format}", "attachment")


def original_video(video: Video, content_type: str) -> str:
    """Link to a video as it was sent, to be played."""
    return _link(video.source_key, video.filename, content_type, "inline")


def masked_video(video: Video, disposition: Disposition = "attachment") -> str:
    """Link to a video's result, named next to the original."""
    suffix = PurePosixPath(video.result_key or "").suffix
    name = f"{PurePosixPath(video.filename).stem}-masked{suffix}"
    return _link(video.result_key or "", name, f"video/{suffix[1:]}", disposition)


def _link(key: str, filename: str, content_type: str, disposition: Disposition) -> str:
    link = current.store().link(key, filename, content_type, disposition)
    # With a folder as the store, links lead to this service.
    return origins.base_url() + link if link.startswith("/") else link
