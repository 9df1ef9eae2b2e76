"""Segments: their frames are exactly those of the whole video, whatever refers to what."""

import io
from fractions import Fraction

import av
import numpy as np
import pytest

from core.errors import InvalidVideo
from core.video import containers, frames, media, segments
from core.video.colors import BgrConverter
from core.video.frames import VideoFrame
from core.video.media import VideoHeader, VideoLimits
from core.video.segments import Segment
from tests.core.video import made
from tests.core.video.made import X264, Recipe

LIMITS = VideoLimits()
TIMES = made.steady(150)
GROUP = "keyint=20:min-keyint=20:scenecut=0"
# Frames before a key frame refer to it: what is shown before it is decoded after it.
OPEN_H264 = {"preset": "veryfast", "x264-params": f"open-gop=1:{GROUP}:bframes=3:b-pyramid=normal"}
OPEN_HEVC = {"preset": "ultrafast", "x265-params": f"open-gop=1:{GROUP}:bframes=3:b-pyramid=1:log-level=none"}
# No frame is a key frame: each renews a part of the picture.
REFRESHED = {"preset": "veryfast", "x264-params": "intra-refresh=1:keyint=20:bframes=0"}
VPX = {"deadline": "good", "cpu-used": "5", "g": "20"}
RECIPES = {
    "closed groups": Recipe(times=TIMES, options={"preset": "veryfast", "g": "20", "bf": "3"}),
    "open groups": Recipe(times=TIMES, options=OPEN_H264),
    "open groups, Matroska": Recipe(times=TIMES, options=OPEN_H264, container="matroska"),
    "intra refresh": Recipe(times=TIMES, options=REFRESHED),
    "key frames alone": Recipe(times=TIMES, options={"g": "1", "bf": "0"}),
    "one key frame": Recipe(times=TIMES, options={**X264, "g": "1000"}),
    "open groups, HEVC": Recipe("libx265", times=TIMES, options=OPEN_HEVC),
    "ten bits": Recipe("libx265", "matroska", times=TIMES, options=OPEN_HEVC, pixel_format="yuv420p10le"),
    "VP9": Recipe("libvpx-vp9", "webm", times=TIMES, options=VPX),
    "VP8": Recipe("libvpx", "webm", times=TIMES, options=VPX),
    "fragments": Recipe(times=TIMES, options={**X264, "g": "20"}, muxing={"movflags": "frag_keyframe+empty_moov"}),
    "varying times": Recipe(times=made.varying(150), options={"preset": "veryfast", "g": "20", "bf": "3"}),
}


@pytest.fixture(autouse=True)
def short_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut every second: these videos have six."""
    monkeypatch.setattr(segments, "SEGMENT_S", 1)


def planned(data: bytes) -> tuple[VideoHeader, list[Segment]]:
    header = media.probe(io.BytesIO(data), LIMITS)
    return header, segments.plan(io.BytesIO(data), header, LIMITS)


def read(data: bytes) -> list[VideoFrame]:
    header, plan = planned(data)
    return [frame for segment in plan for frame in frames.read(io.BytesIO(data), header, segment)]


@pytest.mark.parametrize("name", RECIPES)
def test_segments_are_the_whole_video(name: str) -> None:
    data = made.video(RECIPES[name])
    header, plan = planned(data)
    assert len(plan) == (1 if name == "one key frame" else pytest.approx(6, abs=2))
    converter = BgrConverter(header.colors)
    with av.open(io.BytesIO(data), "r") as container:
        whole = [(frame.pts, converter.to_bgr(frame)) for frame in container.decode(video=0)]
    found = read(data)
    assert [frame.pts for frame in found] == [pts for pts, _ in whole]
    assert [frame.index for frame in found] == list(range(150))
    assert all(np.array_equal(frame.image, image) for frame, (_, image) in zip(found, whole, strict=True))


def with_hidden_frames(data: bytes) -> bytes:
    """Put before every tenth frame of VP8 one that is not shown, as encoders do for others to refer to."""
    out = io.BytesIO()
    with av.open(io.BytesIO(data), "r") as source, av.open(out, "w", format="webm") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for number, packet in enumerate(source.demux(video=0)):
            if not packet.size or packet.pts is None:
                continue
            if number % 10 == 5:
                hidden = av.Packet(bytes([bytes(packet)[0] & ~0x10]) + bytes(packet)[1:])
                hidden.stream, hidden.time_base = stream, packet.time_base
                hidden.pts = hidden.dts = packet.pts - 1
                target.mux(hidden)
            packet.stream = stream
            target.mux(packet)
    return out.getvalue()


def test_hidden_frames_are_no_frames() -> None:
    data = with_hidden_frames(made.video(RECIPES["VP8"]))
    with av.open(io.BytesIO(data), "r") as container:
        assert sum(1 for packet in container.demux(video=0) if packet.size) == 165
    assert [frame.index for frame in read(data)] == list(range(150))


@pytest.mark.parametrize("matrix", ["bt709", "smpte170m", "bt2020nc"])
@pytest.mark.parametrize("full", ["on", "off"])
def test_colors_are_what_players_show(matrix: str, full: str) -> None:
    parameters = f"colormatrix={matrix}:fullrange={full}:colorprim=bt709:transfer=bt709"
    data = made.video(Recipe(size=(320, 240), times=made.steady(3), options={**X264, "x264-params": parameters}))
    with av.open(io.BytesIO(data), "r") as container:
        shown = [frame.to_ndarray(format="bgr24").astype(int) for frame in container.decode(video=0)]
    difference = np.stack([frame.image for frame in read(data)]) - np.stack(shown)
    assert np.abs(difference).mean() < 3  # swscale rounds down


def test_segments_tile_the_video() -> None:
    _, plan = planned(made.video(RECIPES["open groups"]))
    assert [segment.index for segment in plan] == list(range(len(plan)))
    assert [segment.start_pts for segment in plan[1:]] == [segment.end_pts for segment in plan[:-1]]
    assert [segment.start_frame for segment in plan[1:]] == [s.start_frame + s.frames for s in plan[:-1]]
    assert plan[-1].start_frame + plan[-1].frames == len(TIMES)


def test_times_are_those_of_the_file() -> None:
    times = made.varying(60)
    found = read(made.video(Recipe(times=times)))
    assert [Fraction(frame.time_s).limit_denominator(90_000) for frame in found] == [
        time * made.TIME_BASE for time in times
    ]


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_frames_are_upright(rotation: int) -> None:
    frame = read(made.video(Recipe(rotation=rotation)))[3]
    upright = np.rot90(made.image(3, (96, 64)), -rotation // 90)
    assert frame.image.shape == upright.shape
    assert np.abs(frame.image.astype(int) - upright).mean() < 12


class CountingFile(io.BytesIO):
    """A file that counts what is read of it."""

    count = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.count += len(data)
        return data


def test_segment_reads_its_own_part() -> None:
    """Its part of the file, the index, and one buffer at each place."""
    recipe = Recipe(times=TIMES, size=(640, 480), options={"preset": "ultrafast", "crf": "1", "g": "20"})
    data = made.video(recipe)
    header, plan = planned(data)
    file = CountingFile(data)
    assert len(list(frames.read(file, header, plan[-2]))) == plan[-2].frames
    assert file.count < len(data) / len(plan) + 4 * containers.BUFFER_BYTES < len(data)


def test_frames_of_other_sizes_are_refused() -> None:
    """Two videos of different sizes, one after the other, as a stream that is switched."""
    header, plan = planned(made.video(Recipe(container="matroska")))
    other = made.video(Recipe(container="matroska", size=(128, 64)))
    with pytest.raises(InvalidVideo):
        list(frames.read(io.BytesIO(other), header, plan[0]))


def test_missing_frame_is_refused() -> None:
    data = made.video(Recipe(times=made.steady(50)))
    header, (segment, *_) = planned(data)
    less = made.video(Recipe(times=made.steady(49)))
    assert sum(1 for _ in frames.read(io.BytesIO(data), header, segment)) == segment.frames
    with pytest.raises(InvalidVideo):
        list(frames.read(io.BytesIO(less), header, segment))


def test_twin_times_are_refused() -> None:
    times = made.steady(20)
    data = made.video(Recipe(container="matroska", times=(*times, times[-1] + 10)))  # less than a millisecond later
    with pytest.raises(InvalidVideo, match="same time"):
        planned(data)
