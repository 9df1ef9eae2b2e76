"""What a video's file states of itself, judged before its frames are decoded."""

import io
from dataclasses import dataclass
from fractions import Fraction
from typing import BinaryIO

from av.container import InputContainer
from av.video.frame import VideoFrame as DecodedFrame
from av.video.stream import VideoStream

from core.errors import InvalidVideo, VideoTooLarge
from core.video import containers, elements, indexes, leftovers, signatures
from core.video.colors import Colors
from core.video.orientations import Orientation
from core.video.signatures import Container

MIN_FPS, MAX_FPS = 0.1, 1000.0
FPS = 25.0  # chosen: of a file that says nothing
MAX_PACKETS = 300  # chosen: before the first frame; an open group of pictures has some ten of them
ALIGNED = 128  # FFmpeg: STRIDE_ALIGN is 64; VP9 and AV1 work by blocks of 128 at most
AV_TIME_BASE = 1_000_000  # of a container's duration


@dataclass(frozen=True)
class VideoLimits:
    """What is judged from the header. max_pixels: of a frame."""

    max_duration_s: float = 7200
    max_pixels: int = 4096 * 2304  # chosen: what cameras call 4K
    max_frames: int = 1_000_000  # chosen: two hours at 120 frames a second


@dataclass(frozen=True)
class VideoHeader:
    """What a file states. width, height: of the upright frames; rotation: clockwise, by which stored ones are turned.

    fps: the mean; duration_s, frames: None where the file does not say. audio: the codec of each track of sound.
    dropped: what the file holds beside frames and sound, by name. time_base: of every `pts`, in seconds.
    """

    container: Container
    codec: str
    width: int
    height: int
    rotation: int
    fps: float
    duration_s: float | None
    frames: int | None
    pixel_format: str
    bit_depth: int
    hdr: bool
    audio: tuple[str, ...]
    dropped: tuple[str, ...]
    time_base: Fraction
    pixel_aspect: Fraction
    orientation: Orientation
    colors: Colors

    @property
    def stored_size(self) -> tuple[int, int]:
        """Return width and height of the frames as they are stored."""
        return (self.height, self.width) if self.orientation.transposed else (self.width, self.height)

    @property
    def decoded_pixels(self) -> int:
        """Return how many pixels a decoder needs for a frame: it rounds both sides up."""
        return (self.width + ALIGNED) * (self.height + ALIGNED)


def probe(file: BinaryIO, limits: VideoLimits) -> VideoHeader:
    """Judge a file, then read its header: UnsupportedVideo, VideoTooLarge, InvalidVideo.

    Whether it is as long as it says, and declares no more than videos have, is judged before FFmpeg reads it. Of an MP4
    in fragments, and of Matroska, the whole file is walked through: once is enough.
    """
    container = _container(file)
    size = file.seek(0, io.SEEK_END)
    (elements if container in {"mkv", "webm"} else indexes).judge(file, size)
    return read_header(file, limits)


def read_header(file: BinaryIO, limits: VideoLimits) -> VideoHeader:
    """Read what a file states, and its first frame; of a file that `probe` has judged before.

    Nothing is decoded of a video that is too long or too large by its header.
    """
    container = _container(file)
    with containers.opened(file, container, 2 * limits.max_pixels) as opened:
        stream = containers.video_stream(opened)
        duration_s = _duration_s(opened, stream)
        _judge(stream, duration_s, limits)
        first = _first_frame(opened, stream)
        orientation = Orientation.of(first)
        size = (first.width, first.height)
        width, height = size[::-1] if orientation.transposed else size
        aspect = stream.sample_aspect_ratio or Fraction(1)
        colors = Colors.of(first)
        return VideoHeader(
            container=container,
            codec=stream.codec_context.codec.canonical_name,
            width=width,
            height=height,
            rotation=orientation.rotation,
            fps=_fps(stream),
            duration_s=duration_s,
            frames=stream.frames or None,
            pixel_format=first.format.name,
            bit_depth=first.format.components[0].bits,
            hdr=colors.hdr,
            audio=tuple(leftovers.codec_name(track) for track in opened.streams.audio),
            dropped=leftovers.names(opened, stream),
            time_base=stream.time_base or Fraction(1, AV_TIME_BASE),
            pixel_aspect=1 / aspect if orientation.transposed else aspect,
            orientation=orientation,
            colors=colors,
        )


def _container(file: BinaryIO) -> Container:
    file.seek(0)
    return signatures.checked(file.read(signatures.HEAD_BYTES))


def _duration_s(container: InputContainer, stream: VideoStream) -> float | None:
    """Return the longest duration that the file states for itself or its video."""
    stated = []
    if stream.duration and stream.time_base:
        stated.append(float(stream.duration * stream.time_base))
    if container.duration:
        stated.append(container.duration / AV_TIME_BASE)
    return max(stated, default=None)


def _judge(stream: VideoStream, duration_s: float | None, limits: VideoLimits) -> None:
    width, height = stream.codec_context.width, stream.codec_context.height
    if width < 1 or height < 1:
        raise InvalidVideo("the video has no pixels, or does not say how many")
    if width * height > limits.max_pixels:
        raise VideoTooLarge(f"the video has {width} × {height} pixels, more than {limits.max_pixels:,} in all")
    if duration_s is not None and not duration_s >= 0:
        raise InvalidVideo("the length of the video is nonsense")
    if duration_s and duration_s > limits.max_duration_s:
        raise VideoTooLarge(f"the video has {duration_s:,.0f} s, more than {limits.max_duration_s:,.0f}")
    if stream.frames > limits.max_frames:
        raise VideoTooLarge(f"the video has {stream.frames:,} frames, more than {limits.max_frames:,}")


def _first_frame(container: InputContainer, stream: VideoStream) -> DecodedFrame:
    """Decode the first frame: what it says of its colours and of its orientation holds for the whole video."""
    containers.keep_only(container, stream)
    for number, packet in enumerate(container.demux(stream)):
        frames = packet.decode()
        if frames:
            return frames[0]
        if number >= MAX_PACKETS:
            break
    raise InvalidVideo("the video has no frame that can be decoded")


def _fps(stream: VideoStream) -> float:
    rate = stream.average_rate or stream.guessed_rate or stream.base_rate
    return min(MAX_FPS, max(MIN_FPS, float(rate))) if rate else FPS
