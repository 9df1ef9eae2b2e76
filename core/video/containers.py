"""Opens a video's file: only the demuxers and decoders that are listed here, and nothing but the file itself.

FFmpeg reads through a Python file; whatever a file names beside itself (playlists, references) can't be opened.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, NoReturn

import av
from av.container import InputContainer
from av.stream import Discard, Disposition
from av.video.stream import VideoStream

from core.errors import InvalidVideo, UnsupportedVideo
from core.video.clusters import MAX_FRAME_BYTES, TOO_LARGE
from core.video.signatures import Container

DEMUXERS: dict[Container, str] = {"mp4": "mov", "mov": "mov", "mkv": "matroska", "webm": "matroska"}
# FFmpeg's decoders, and how their formats are called.
DECODERS = {"h264": "H.264", "hevc": "HEVC", "vp8": "VP8", "vp9": "VP9", "libdav1d": "AV1"}
AUDIO_DECODERS = (
    *("aac", "mp3", "mp3float", "opus", "vorbis", "flac", "alac", "ac3", "eac3", "amrnb", "amrwb"),
    *("pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_s32be", "pcm_f32le", "pcm_f32be"),
    *("pcm_u8", "pcm_mulaw", "pcm_alaw"),
)
PICTURES = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
BUFFER_BYTES = 256 * 1024  # chosen: FFmpeg's 32 KiB would call Python for every frame
MAX_STREAMS = 64  # chosen: a camera's file has five
# What of a Matroska file is read before its frames, attachments included. chosen: fonts of subtitles have some tens of
# MB; measured: of 400 MB of attachments FFmpeg makes 1.3 GB in memory
MAX_MATROSKA_HEAD_BYTES = 128 * 2**20


class _WatchedFile:
    """A file that remembers what it has raised: FFmpeg takes a failed read for the end of the file.

    left: how much more may be read; None: any amount.
    """

    def __init__(self, file: BinaryIO, left: int | None) -> None:
        self._file = file
        self.left = left
        self.error: Exception | None = None

    def read(self, size: int) -> bytes:
        if self.error is not None:  # PyAV prints what is raised while it holds the first
            return b""
        try:
            self._count(size)
            return self._file.read(size)
        except Exception as error:
            self.error = error
            raise

    def _count(self, size: int) -> None:
        if size > MAX_FRAME_BYTES:  # FFmpeg asks at once for what is left of a frame
            raise InvalidVideo(TOO_LARGE)
        if self.left is not None:
            self.left -= size
            if self.left < 0:
                raise InvalidVideo("the header of the video is larger than those of videos are")

    def seek(self, offset: int, whence: int) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


@contextmanager
def opened(file: BinaryIO, container: Container, max_pixels: int) -> Iterator[InputContainer]:
    """Open a video for reading, from its beginning; the file stays open.

    InvalidVideo for whatever FFmpeg can't read, also within the block; what the file raises comes through.
    max_pixels: of a frame; decoders refuse larger ones.
    """
    # The index of an MP4 was judged before, and fragments are read through to their end.
    watched = _WatchedFile(file, MAX_MATROSKA_HEAD_BYTES if DEMUXERS[container] == "matroska" else None)
    file.seek(0)
    try:
        with _open(watched, container, max_pixels) as found:
            watched.left = None
            for stream in found.streams.video:
                if stream.codec_context:
                    stream.codec_context.options = {"max_pixels": str(max_pixels)}
                    stream.codec_context.thread_count = 1  # the workers share the CPUs, segment by segment
            yield found
    except av.FFmpegError as error:
        raise watched.error or InvalidVideo(f"the video can't be read: {error.strerror}") from error
    if watched.error:
        raise watched.error


def video_stream(container: InputContainer) -> VideoStream:
    """Return the track that is the video; UnsupportedVideo without one that can be decoded."""
    moving = [stream for stream in container.streams.video if not stream.disposition & PICTURES]
    if not moving:
        pictures = " but a cover picture" if container.streams.video else ""
        raise UnsupportedVideo(f"the file has no pictures{pictures}: it is no video")
    stream = next((one for one in moving if one.disposition & Disposition.default), moving[0])
    # PyAV has no context where FFmpeg has no decoder.
    name = stream.codec_context.name if stream.codec_context else "something unknown"
    if name not in DECODERS:
        raise UnsupportedVideo(f"the video is coded as {name}: {', '.join(DECODERS.values())} are read")
    return stream


def keep_only(container: InputContainer, *streams: Any) -> None:
    """Let the demuxer skip all other streams."""
    for stream in container.streams:
        stream.discard = Discard.default if stream in streams else Discard.all


def _open(file: _WatchedFile, container: Container, max_pixels: int) -> InputContainer:
    return av.open(
        file,
        "r",
        format=DEMUXERS[container],
        options={"max_pixels": str(max_pixels)},
        container_options={
            "protocol_whitelist": "none",
            "codec_whitelist": ",".join((*DECODERS, *AUDIO_DECODERS)),
            "max_streams": str(MAX_STREAMS),
        },
        metadata_errors="replace",
        buffer_size=BUFFER_BYTES,
        io_open=_refuse,
    )


def _refuse(url: str, flags: int, options: dict[str, str]) -> NoReturn:
    """Open nothing that a file names beside itself."""
    raise InvalidVideo("the video refers to other files")
