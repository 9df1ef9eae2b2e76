"""The objects of a video. Names tell what they hold, so that a step that is repeated writes the same ones again."""

import uuid
from collections.abc import Iterator

from core.database.models import Video
from core.storage.objects import video_key


def source(video_id: uuid.UUID) -> str:
    """Return the key of the upload."""
    return video_key(video_id, "source")


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
