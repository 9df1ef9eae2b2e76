"""Videos of moving patterns, made by PyAV: of any codec, container and timing that a test asks for."""

import io
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import accumulate
from typing import cast

import av
import cv2
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

TIME_BASE = Fraction(1, 90_000)
RATE = 48_000
X264 = {"preset": "ultrafast", "crf": "20"}


def steady(frames: int, fps: int = 25) -> tuple[int, ...]:
    """Return the times of frames that come regularly."""
    return tuple(number * TIME_BASE.denominator // fps for number in range(frames))


def varying(frames: int) -> tuple[int, ...]:
    """Return the times of frames that come as a phone's do: now sooner, now later."""
    steps = (3600 + number % 5 * 700 + (number % 23 == 0) * 9000 for number in range(frames - 1))
    return tuple(accumulate(steps, initial=0))


@dataclass(frozen=True)
class Recipe:
    """What a video is. size: (width, height); times: of its frames, in TIME_BASE; audio: a codec, "" for none."""

    codec: str = "libx264"
    container: str = "mp4"
    times: tuple[int, ...] = steady(50)
    options: dict[str, str] = field(default_factory=lambda: X264)
    size: tuple[int, int] = (96, 64)
    pixel_format: str = "yuv420p"
    audio: str = ""
    rotation: int = 0  # clockwise, as a player turns it
    metadata: dict[str, str] = field(default_factory=dict)
    chapters: bool = False
    subtitles: bool = False
    muxing: dict[str, str] = field(default_factory=dict)


def video(recipe: Recipe) -> bytes:
    """Make the video."""
    out = io.BytesIO()
    with av.open(out, "w", format=recipe.container, container_options=recipe.muxing) as container:
        container.metadata.update(recipe.metadata)
        if recipe.chapters:
            one = {"id": 1, "start": 0, "end": 1000, "time_base": Fraction(1, 1000), "metadata": {"title": "Chapter"}}
            container.set_chapters([one])  # type: ignore[list-item]  # a typed dictionary
        _write(container, recipe)
    return out.getvalue()


def image(number: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Draw a frame: a coarse pattern that moves, and bars that tell its number."""
    width, height = size
    coarse = np.random.default_rng(7).integers(0, 255, (height // 8 + 1, width // 8 + 1, 3), dtype=np.uint8)
    drawn = np.roll(cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC), number * 2, 1)
    for bit in range(10):
        drawn[:8, bit * 8 : bit * 8 + 8] = 255 if number >> bit & 1 else 0
    return cast(NDArray[np.uint8], drawn)


def _write(container: OutputContainer, recipe: Recipe) -> None:
    stream = cast(VideoStream, container.add_stream(recipe.codec, options=recipe.options))
    stream.width, stream.height = recipe.size
    stream.pix_fmt = recipe.pixel_format
    stream.time_base = stream.codec_context.time_base = TIME_BASE
    stream.codec_context.framerate = Fraction(25)
    if recipe.rotation:
        stream.set_display_rotation(-recipe.rotation)
    sound = cast(AudioStream, container.add_stream(recipe.audio, rate=RATE)) if recipe.audio else None
    if sound:
        sound.layout = "stereo"
    texts = (
        container.add_mux_stream("mov_text" if recipe.container in {"mp4", "mov"} else "subrip")
        if recipe.subtitles
        else None
    )
    for number, time in enumerate(recipe.times):
        frame = av.VideoFrame.from_ndarray(image(number, recipe.size), format="bgr24")
        frame.pts, frame.time_base = time, TIME_BASE
        container.mux(stream.encode(frame))
    container.mux(stream.encode())
    if sound:
        write_sound(container, sound, recipe.times[-1])
    if texts:
        packet = av.Packet(b"\0\x05Hello" if recipe.container in {"mp4", "mov"} else b"Hello")
        packet.stream, packet.time_base = texts, Fraction(1, 1000)
        packet.pts = packet.dts = 100
        packet.duration = 500
        container.mux(packet)


def write_sound(container: OutputContainer, sound: AudioStream, last: int) -> None:
    """Write a tone that is as long as the pictures."""
    size = sound.codec_context.frame_size or 1024
    for start in range(0, int(last * TIME_BASE * RATE) + 1, size):
        wave = np.sin((start + np.arange(size)) * 0.05).astype(np.float32) * 0.3
        frame = av.AudioFrame.from_ndarray(np.stack([wave, wave]), format="fltp", layout="stereo")
        frame.pts, frame.sample_rate, frame.time_base = start, RATE, Fraction(1, RATE)
        container.mux(sound.encode(frame))
    container.mux(sound.encode())
