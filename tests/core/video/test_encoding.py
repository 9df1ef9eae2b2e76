"""Masked videos: the same times, the same sound, the same colours, and nothing else of the source."""

import io
import re
import struct
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest
from av.container import InputContainer

from core.errors import InvalidVideo
from core.video import encoding, frames, joining, media, segments
from core.video.encoding import VideoOutput
from core.video.frames import VideoFrame
from core.video.media import VideoLimits
from tests.core.video import made
from tests.core.video.made import X264, Recipe

LIMITS = VideoLimits()
MP4, WEBM = VideoOutput("mp4", 18), VideoOutput("webm", 25)
SPEAKING = {
    "location": "+37.5665+126.9780/", "title": "Secret title", "make": "Secret maker",
    "comment": "Secret comment", "creation_time": "2026-01-01T00:00:00Z",
}  # fmt: skip


@pytest.fixture(autouse=True)
def short_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut every second: seams are where times could jump."""
    monkeypatch.setattr(segments, "SEGMENT_S", 1)


def through(data: bytes, output: VideoOutput) -> bytes:
    """Read a video by segments, and write it again."""
    file = io.BytesIO(data)
    header = media.probe(file, LIMITS)
    plan = segments.plan(file, header, LIMITS)
    parts = [io.BytesIO() for _ in plan]
    for segment, part in zip(plan, parts, strict=True):
        count = encoding.encode_segment(frames.read(file, header, segment), header, output, part)
        assert count == segment.frames
    out = io.BytesIO()
    joining.join(parts, file, header, output, out)
    return out.getvalue()


def opened(data: bytes) -> InputContainer:
    return av.open(io.BytesIO(data), "r")


def times(data: bytes) -> list[Fraction]:
    """Return when each frame is shown, exactly, in seconds."""
    with opened(data) as container:
        base = container.streams.video[0].time_base or Fraction(0)
        return [(frame.pts or 0) * base for frame in container.decode(video=0)]


def sound(data: bytes) -> tuple[list[bytes], int]:
    """Return the packets of the sound, and how many samples they decode to."""
    with opened(data) as container:
        packets = [bytes(packet) for packet in container.demux(audio=0) if packet.size]
    with opened(data) as container:
        return packets, sum(frame.samples for frame in container.decode(audio=0))


def pictures(data: bytes) -> list[Any]:
    with opened(data) as container:
        return [frame.to_ndarray(format="bgr24").astype(int) for frame in container.decode(video=0)]


def test_frames_held_back_are_encoded_one_by_one() -> None:
    """At the end of a segment an encoder has some frames left: between them, calls are answered."""
    file = io.BytesIO(made.video(Recipe()))
    header = media.probe(file, LIMITS)
    (first, *_), pauses = segments.plan(file, header, LIMITS), list[int]()
    encoding.encode_segment(frames.read(file, header, first), header, MP4, io.BytesIO(), lambda: pauses.append(1))
    assert len(pauses) >= 10


def test_mp4_begins_with_its_index() -> None:
    masked = through(made.video(Recipe(times=made.varying(150), audio="aac")), MP4)
    assert masked.index(b"moov") < masked.index(b"mdat"), "players begin when they have the index"


@pytest.mark.parametrize("container", ["mp4", "mov"])
def test_times_and_sound_are_identical(container: str) -> None:
    options = {"preset": "veryfast", "g": "20", "bf": "3"}
    data = made.video(Recipe(container=container, times=made.varying(150), audio="aac", options=options))
    masked = through(data, MP4)
    assert times(masked) == times(data)
    assert sound(masked) == sound(data)


def test_times_that_begin_late_are_identical() -> None:
    data = made.video(Recipe(times=tuple(time + 45_000 for time in made.varying(60)), audio="aac"))
    masked = through(data, MP4)
    assert times(masked)[0] == Fraction(1, 2)
    assert (times(masked), sound(masked)) == (times(data), sound(data))


@pytest.mark.parametrize("output", [MP4, WEBM, VideoOutput()])
def test_webm_goes_through(output: VideoOutput) -> None:
    """Times of WebM are whole milliseconds; MP4 keeps them."""
    options = {"deadline": "realtime", "cpu-used": "8", "g": "20"}
    data = made.video(Recipe("libvpx-vp9", "webm", made.varying(60), options, audio="libopus"))
    masked = through(data, output)
    assert times(masked) == times(data)
    assert sound(masked)[0] == sound(data)[0]
    with opened(masked) as container:
        assert container.streams.video[0].codec_context.name == ("h264" if output is MP4 else "vp9")


def test_mp4_becomes_webm() -> None:
    data = made.video(Recipe(times=made.varying(60), audio="aac"))
    masked = through(data, WEBM)
    assert [float(time) for time in times(masked)] == pytest.approx([float(time) for time in times(data)], abs=0.0006)
    with opened(masked) as container:
        assert container.streams.audio[0].codec_context.codec.canonical_name == "opus"
    assert sound(masked)[1] == pytest.approx(sound(data)[1], abs=2048)


def test_sound_without_place_in_mp4_is_encoded_anew() -> None:
    data = made.video(Recipe(container="mov", audio="pcm_s16le"))
    masked = through(data, MP4)
    with opened(masked) as container:
        assert container.streams.audio[0].codec_context.name == "aac"
    assert sound(masked)[1] == pytest.approx(sound(data)[1], abs=2048)


def test_sound_that_runs_backwards_is_put_in_order() -> None:
    """Half of its packets say that they come before the others; the video is written all the same."""
    data = bytearray(made.video(Recipe("libvpx-vp9", "webm", options={"cpu-used": "8"}, audio="libopus")))
    blocks = [found.start() for found in re.finditer(rb"\xa3.{1,3}\x82(?=.{2}\x80)", bytes(data), re.DOTALL)]
    for block in blocks[5:20]:
        at = data.index(b"\x82", block + 1) + 1
        data[at : at + 2] = b"\0\1"
    masked = through(bytes(data), VideoOutput())
    assert sound(masked)[0] == sound(bytes(data))[0]


def test_sound_of_no_duration_is_the_callers() -> None:
    """A clock of the sound that no container can keep: the video says so, and is masked without it."""
    data = made.video(Recipe(audio="aac"))
    clock = data.rindex(b"mdhd") + 16
    assert struct.unpack_from(">I", data, clock) == (made.RATE,)
    data = data[:clock] + struct.pack(">I", 2_000_000_000) + data[clock + 4 :]
    with pytest.raises(InvalidVideo, match="audio=drop"):
        through(data, MP4)
    assert len(times(through(data, VideoOutput(audio="drop")))) == 50


def test_sound_that_is_not_described_is_the_callers() -> None:
    """Vorbis without its tables: nothing can hold it, and the video is masked without it."""
    data = made.video(Recipe(container="matroska", audio="pcm_s16le"))
    data = data.replace(b"A_PCM/INT/LIT", b"A_VORBIS".ljust(13, b"\0"))
    with pytest.raises(InvalidVideo, match="audio=drop"):
        through(data, VideoOutput("webm"))
    assert len(times(through(data, VideoOutput(audio="drop")))) == 50


def test_sound_is_dropped_when_asked() -> None:
    masked = through(made.video(Recipe(audio="aac")), VideoOutput(audio="drop"))
    with opened(masked) as container:
        assert [stream.type for stream in container.streams] == ["video"]


@pytest.mark.parametrize("container", ["mov", "matroska"])
def test_nothing_else_is_kept(container: str) -> None:
    recipe = Recipe(
        container=container, audio="aac", metadata=SPEAKING, chapters=True, subtitles=True,
        muxing={"movflags": "use_metadata_tags"} if container == "mov" else {},
    )  # fmt: skip
    data = made.video(recipe)
    assert all(word.encode() in data for word in ("Secret", "+37.5665", "Chapter", "Hello"))
    masked = through(data, MP4)
    assert not any(word.encode() in masked for word in ("Secret", "+37.5665", "Chapter", "Hello", "2026", "Lavf"))
    with opened(masked) as out:
        assert [stream.type for stream in out.streams] == ["video", "audio"]
        assert not out.chapters()


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_rotation_is_applied_once(rotation: int) -> None:
    masked = through(made.video(Recipe(rotation=rotation)), MP4)
    upright = np.rot90(made.image(5, (96, 64)), -rotation // 90)
    with opened(masked) as container:
        frame = next(container.decode(video=0))
        assert frame.rotation == 0
    assert pictures(masked)[5].shape == upright.shape
    assert np.abs(pictures(masked)[5] - upright).mean() < 12


@pytest.mark.parametrize("size", [(97, 65), (96, 65), (97, 64), (16, 16)])
@pytest.mark.parametrize("output", [MP4, WEBM])
def test_odd_sides_are_filled(size: tuple[int, int], output: VideoOutput) -> None:
    recipe = Recipe(size=size, pixel_format="yuv444p", times=made.steady(5))
    shown = pictures(through(made.video(recipe), output))[2]
    width, height = size
    assert shown.shape[:2] == (height + height % 2, width + width % 2)
    assert np.abs(shown[:height, :width] - made.image(2, size)).mean() < 25


MATRICES = {"bt709": 1, "smpte170m": 6, "bt2020nc": 9}


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", MATRICES)
def test_colors_stay(matrix: str, full: bool) -> None:
    """What a player shows differs by less than a step, on average: no shift by a wrong matrix or range."""
    parameters = f"colormatrix={matrix}:colorprim=bt709:transfer=bt709:fullrange={'on' if full else 'off'}"
    options = {"crf": "4", "preset": "veryfast", "x264-params": parameters}
    recipe = Recipe(options=options, times=made.steady(4), size=(320, 240))
    data = made.video(recipe)
    masked = through(data, VideoOutput("mp4", 4))
    difference = np.stack(pictures(masked)) - np.stack(pictures(data))
    assert abs(difference.mean(axis=(0, 1, 2))).max() < 0.7
    with opened(masked) as container:
        frame = next(container.decode(video=0))
        assert (frame.color_range, frame.format.name) == (1, "yuv420p")
        assert frame.colorspace == MATRICES[matrix]


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
def test_hdr_becomes_usual_video(transfer: str) -> None:
    parameters = f"log-level=none:colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc"
    recipe = Recipe("libx265", options={"x265-params": parameters}, pixel_format="yuv420p10le", times=made.steady(3))
    masked = through(made.video(recipe), MP4)
    with opened(masked) as container:
        frame = next(container.decode(video=0))
        assert (frame.format.name, frame.color_trc, frame.color_primaries, frame.colorspace) == ("yuv420p", 1, 1, 1)
    assert 20 < pictures(masked)[0].mean() < 235


def test_pixel_aspect_is_kept() -> None:
    options = {**X264, "x264-params": "sar=4/3"}
    for rotation, aspect in ((0, Fraction(4, 3)), (90, Fraction(3, 4))):
        masked = through(made.video(Recipe(options=options, rotation=rotation)), MP4)
        with opened(masked) as container:
            assert container.streams.video[0].sample_aspect_ratio == aspect


def test_gpl_encoder_can_be_forbidden() -> None:
    masked = through(made.video(Recipe(audio="aac")), VideoOutput("mp4", 30, gpl_encoders=False))
    assert b"x264" not in masked
    with opened(masked) as container:
        assert container.streams.video[0].codec_context.name == "vp9"
    assert len(times(masked)) == 50


@pytest.mark.parametrize("output", [MP4, WEBM])
def test_same_frames_give_same_bytes(output: VideoOutput) -> None:
    # x264's AVX-512 code reads beyond very small frames.
    data = made.video(Recipe(times=made.varying(40), audio="aac", size=(640, 360)))
    assert through(data, output) == through(data, output)


def test_parts_are_read_one_by_one() -> None:
    """A video of two hours has seven hundred parts: a generator may open and close them."""
    data = io.BytesIO(made.video(Recipe(times=made.steady(150), options={**X264, "g": "20"}, audio="aac")))
    header = media.probe(data, LIMITS)
    parts = []
    for segment in segments.plan(data, header, LIMITS):
        parts.append(io.BytesIO())
        encoding.encode_segment(frames.read(data, header, segment), header, MP4, parts[-1])

    def one_by_one() -> Iterator[io.BytesIO]:
        for part in parts:
            yield part
            part.close()

    out = io.BytesIO()
    joining.join(one_by_one(), data, header, MP4, out)
    assert len(parts) > 3
    assert times(out.getvalue()) == times(data.getvalue())


def test_broken_source_of_frames_comes_through() -> None:
    data = io.BytesIO(made.video(Recipe()))
    header = media.probe(data, LIMITS)
    (segment,) = segments.plan(data, header, LIMITS)[:1]

    def failing() -> Any:
        yield from list(frames.read(data, header, segment))[:3]
        raise ConnectionError

    with pytest.raises(ConnectionError):
        encoding.encode_segment(failing(), header, MP4, io.BytesIO())


def test_masked_frames_are_what_is_shown() -> None:
    """A frame that was painted over is painted over in the video, that frame and no other."""
    data = io.BytesIO(made.video(Recipe()))
    header = media.probe(data, LIMITS)
    plan = segments.plan(data, header, LIMITS)
    parts = [io.BytesIO() for _ in plan]
    for segment, part in zip(plan, parts, strict=True):
        painted = (_painted(frame) for frame in frames.read(data, header, segment))
        encoding.encode_segment(painted, header, MP4, part)
    out = io.BytesIO()
    joining.join(parts, data, header, MP4, out)
    means = [image.mean() for image in pictures(out.getvalue())]
    assert [number for number, mean in enumerate(means) if mean < 10] == [7, 31]


def _painted(frame: VideoFrame) -> VideoFrame:
    image = np.zeros_like(frame.image) if frame.index in {7, 31} else frame.image
    return VideoFrame(frame.index, frame.pts, frame.time_s, image)
