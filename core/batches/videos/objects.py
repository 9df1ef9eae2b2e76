"""The objects of a video. Names tell what they hold, so that a step that is repeated writes the same ones again."""

import uuid
from collections.abc import Iterator

from core.database.models import Video
from core.storage.objects import VIDEOS, video_key

# Uploads in pieces lie beside the videos: what an object is of, the second part of its key says.
UPLOADS = f"{VIDEOS}uploads/"
UPLOAD_ABOUT = "/about.json"


def source(video_id: uuid.UUID) -> str:
    """Return the key of the upload."""
    return video_key(video_id, "source")


def uploads_of(sender: str) -> str:
    """Return what the keys of a sender's uploads begin with."""
    return f"{UPLOADS}{sender}/"


def upload(sender: str, upload_id: uuid.UUID) -> str:
    """Return what the keys of an upload begin with."""
    return f"{uploads_of(sender)}{upload_id}/"


def upload_about(sender: str, upload_id: uuid.UUID) -> str:
    """Return the key of what an upload's sender has said of it."""
    return f"{uploads_of(sender)}{upload_id}{UPLOAD_ABOUT}"


def piece(sender: str, upload_id: uuid.UUID, start: int) -> str:
    """Return the key of a piece of an upload, by the place of its first byte."""
    return f"{upload(sender, upload_id)}{start:015d}"


def piece_start(key: str) -> int | None:
    """Return the place of the first byte of the piece that has this key; None of another object."""
    name = key.rpartition("/")[2]
    return int(name) if name.isdecimal() else None


def faces(video_id: uuid.UUID, segment: int) -> str:
    """Return the key of what a search found in a segment."""
    return video_key(video_id, f"faces/{segment:06d}.json.gz")


def links(video_id: uuid.UUID) -> str:
    """Return the key of the linked tracks, before verification."""
    return video_key(video_id, "links.jsonl.gz")


def masks(video_id: uuid.UUID, segment: int) -> str:
    """Return the key of what is to be masked in a segment."""
    return video_key(video_id, f"masks/{segment:06d}.json.gz")


def part(video_id: uuid.UUID, segment: int) -> str:
    """Return the key of a masked segment."""
    return video_key(video_id, f"parts/{segment:06d}")


def found_again(video_id: uuid.UUID, segment: int) -> str:
    """Return the key of the faces of a segment that only verification found."""
    return video_key(video_id, f"verified/{segment:06d}.json.gz")


def tracks(video_id: uuid.UUID) -> str:
    """Return the key of the tracks, one line of JSON a frame."""
    return video_key(video_id, "tracks.jsonl.gz")


def result(video_id: uuid.UUID, suffix: str) -> str:
    """Return the key of the masked video."""
    return video_key(video_id, f"result.{suffix}")


def intermediate(video: Video) -> Iterator[str]:
    """Yield the keys of what nobody needs any more once a video has ended."""
    yield links(video.id)
    for segment in range(video.segments):
        for name in (faces, masks, part, found_again):
            yield name(video.id, segment)


def every(video: Video) -> Iterator[str]:
    """Yield the keys of all that there may be of a video; the source only where that is ours."""
    if video.source_is_ours:
        yield video.source_key
    yield tracks(video.id)
    yield from [video.result_key] if video.result_key else (result(video.id, suffix) for suffix in ("mp4", "webm"))
    yield from intermediate(video)
