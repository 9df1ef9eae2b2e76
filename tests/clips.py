"""Videos for the tests: a portrait that moves over a plain ground, made by FFmpeg, and what can be read of a result."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import cast

import av
import cv2
import numpy as np
import skimage.data
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

FACE = (170, 60, 290, 210)  # of the portrait, 512 x 512: left, top, right, bottom


@dataclass(frozen=True)
class Clip:
    """How a clip is made. frames: at fps; size: (width, height); key_every: frames between key frames."""

    frames: int = 50
    fps: int = 25
    size: tuple[int, int] = (640, 360)
    key_every: int = 25
    sound: bool = False
    faces: bool = True
    format: str = "mp4"


def portrait_side(clip: Clip) -> int:
    return clip.size[1] * 2 // 3


def place(clip: Clip, frame: int) -> tuple[int, int]:
    """Left and top of the portrait in a frame: it moves to and fro."""
    room = clip.size[0] - portrait_side(clip)
    across = (frame * 4) % (2 * room)
    return min(across, 2 * room - across), 20 + frame % 40


def face_box(clip: Clip, frame: int) -> tuple[int, int, int, int]:
    """Where the face is in a frame: left, top, right, bottom."""
    (left, top), scale = place(clip, frame), portrait_side(clip) / 512
    x1, y1, x2, y2 = (round(edge * scale) for edge in FACE)
    return left + x1, top + y1, left + x2, top + y2


def picture(clip: Clip, frame: int) -> Pixels:
    """One frame, BGR."""
    width, height = clip.size
    ground = np.full((height, width, 3), (90, 120, 70), np.uint8)
    ground[::16] = 60
    if clip.faces:
        side = portrait_side(clip)
        face = _portrait(side)
        left, top = place(clip, frame)
        ground[top : top + side, left : left + side] = face
    return ground


@cache
def _portrait(side: int) -> Pixels:
    portrait = cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2BGR)
    return np.asarray(cv2.resize(portrait, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def made(clip: Clip = Clip(), draw: Callable[[Clip, int], Pixels] = picture) -> bytes:
    """Encode a clip. draw: makes a frame, BGR."""
    out = io.BytesIO()
    codec = "libx264" if clip.format in {"mp4", "mov", "matroska"} else "libvpx-vp9"
    with av.open(out, "w", format=clip.format) as container:
        how = {"crf": "20", "preset": "ultrafast", "threads": "1"}
        stream = cast(VideoStream, container.add_stream(codec, rate=clip.fps, options=how))
        stream.width, stream.height = clip.size
        stream.pix_fmt = "yuv420p"
        stream.gop_size = clip.key_every
        sound = container.add_stream("aac", rate=48000) if clip.sound else None
        for number in range(clip.frames):
            frame = av.VideoFrame.from_ndarray(draw(clip, number), format="bgr24")
            frame.pts, frame.time_base = number, Fraction(1, clip.fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if sound is not None:
            _add_sound(container, sound, clip)
    return out.getvalue()


def _add_sound(container: OutputContainer, sound: AudioStream, clip: Clip) -> None:
    total = clip.frames * 48000 // clip.fps
    for start in range(0, total, 1024):
        wave = np.sin(np.arange(start, min(start + 1024, total)) * 0.06).astype(np.float32)[None]
        frame = av.AudioFrame.from_ndarray(wave, format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 48000, start, Fraction(1, 48000)
        container.mux(sound.encode(frame))
    container.mux(sound.encode())


def frames(video: bytes) -> list[tuple[float, Pixels]]:
    """Decode a video: the time of each frame, and its pixels, BGR."""
    with av.open(io.BytesIO(video), "r") as container:
        decoded = container.decode(video=0)
        return [(float(frame.time or 0), np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)) for frame in decoded]


def sound_samples(video: bytes) -> int:
    """Count the samples of a video's sound; 0 without any."""
    with av.open(io.BytesIO(video), "r") as container:
        return sum(int(frame.samples) for frame in container.decode(audio=0)) if container.streams.audio else 0


def jpeg(rgb: Pixels) -> bytes:
    """Encode a picture."""
    return cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))[1].tobytes()
