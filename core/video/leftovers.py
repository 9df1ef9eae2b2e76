"""What a video's file holds beside frames and sound, by name: none of it reaches the masked video."""

from av.container import InputContainer
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from core.video.containers import PICTURES

# Of a container's or a track's metadata, by what its key begins with, in lower case.
KEYS = {
    "location": ("location", "com.apple.quicktime.location", "gps", "xyz"),
    "device": ("make", "model", "com.apple.quicktime.make", "com.apple.quicktime.model", "com.android"),
    "software": ("software", "com.apple.quicktime.software"),
    "time of recording": ("creation_time", "date", "com.apple.quicktime.creationdate"),
}
# Says only how the file is made.
TECHNICAL = (
    *("major_brand", "minor_version", "compatible_brands", "encoder", "handler_name", "vendor_id", "language"),
    *("duration", "number_of_", "_statistics", "bps", "timecode", "com.android.version"),
)
TRACKS = {"subtitle": "subtitles", "data": "data track", "attachment": "attachment", "audio": "audio track"}
UNKNOWN_TRACK = "unknown track"


def names(container: InputContainer, video: VideoStream) -> tuple[str, ...]:
    """Name what is dropped, sorted, each once."""
    found = {_track(stream) for stream in container.streams if stream != video and stream.type != "audio"}
    for metadata in (container.metadata, *(stream.metadata for stream in container.streams)):
        found |= {_meaning(key.lower()) for key in metadata}
    if container.chapters():
        found.add("chapters")
    return tuple(sorted(found - {""}))


def codec_name(stream: Stream) -> str:
    """Return the name of a track's codec, "unknown" where FFmpeg has no decoder for it."""
    # PyAV has no context where FFmpeg has no decoder.
    return stream.codec_context.codec.canonical_name if stream.codec_context else "unknown"


def _track(stream: Stream) -> str:
    if stream.type == "video":
        return "cover picture" if stream.disposition & (PICTURES | Disposition.metadata) else "video track"
    return TRACKS.get(stream.type, UNKNOWN_TRACK)


def _meaning(key: str) -> str:
    """Say what metadata of a name is about; "" for what is only technical."""
    for meaning, beginnings in KEYS.items():
        if key.startswith(beginnings):
            return meaning
    return "" if key.startswith(TECHNICAL) else "metadata"
