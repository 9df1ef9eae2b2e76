"""What is read as a video, what is refused and how, and what is told of it."""

import io
import re
import struct

import av
import cv2
import pytest
from av.stream import Disposition

from core.errors import InvalidVideo, StorageUnavailable, UnsupportedVideo, VideoTooLarge
from core.video import containers, media, segments, signatures
from core.video.media import VideoHeader, VideoLimits
from tests.core.video import made
from tests.core.video.made import Recipe

LIMITS = VideoLimits()
THREE_HOURS_S = 3 * 3600
PICTURE = cv2.imencode(".jpg", made.image(0, (96, 64)))[1].tobytes()


def probed(data: bytes, limits: VideoLimits = LIMITS) -> VideoHeader:
    """Probe a file and plan its segments."""
    header = media.probe(io.BytesIO(data), limits)
    segments.plan(io.BytesIO(data), header, limits)
    return header


@pytest.fixture(scope="module")
def phone() -> bytes:
    """Return a video as phones make them: index at the end, varying times, sound."""
    return made.video(Recipe(times=made.varying(50), audio="aac"))


@pytest.mark.parametrize(
    ("recipe", "container", "codec"),
    [
        (Recipe(), "mp4", "h264"),
        (Recipe(container="mov"), "mov", "h264"),
        (Recipe(container="matroska"), "mkv", "h264"),
        (Recipe("libx265", options={"x265-params": "log-level=none"}), "mp4", "hevc"),
        (Recipe("libvpx-vp9", "webm", options={}), "webm", "vp9"),
        (Recipe("libvpx", "webm", options={}), "webm", "vp8"),
    ],
)
def test_probe_tells_container_and_codec(recipe: Recipe, container: str, codec: str) -> None:
    header = probed(made.video(recipe))
    assert (header.container, header.codec) == (container, codec)
    assert (header.width, header.height, header.pixel_format, header.bit_depth) == (96, 64, "yuv420p", 8)
    assert header.fps == pytest.approx(25)
    assert header.duration_s == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_probe_tells_upright_size(rotation: int) -> None:
    header = probed(made.video(Recipe(rotation=rotation)))
    assert header.rotation == rotation
    assert (header.width, header.height) == ((96, 64) if rotation == 180 else (64, 96))


def test_probe_tells_ten_bits_and_hdr() -> None:
    options = {"x265-params": "log-level=none:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc"}
    header = probed(made.video(Recipe("libx265", options=options, pixel_format="yuv420p10le")))
    assert (header.bit_depth, header.hdr) == (10, True)


def test_probe_names_what_is_dropped() -> None:
    metadata = {"location": "+37.5665+126.9780/", "make": "Maker", "title": "Title", "creation_time": "2026-01-01"}
    recipe = Recipe(
        container="mov", audio="aac", metadata=metadata, chapters=True, subtitles=True,
        muxing={"movflags": "use_metadata_tags"},
    )  # fmt: skip
    dropped = {"chapters", "data track", "device", "location", "metadata", "subtitles", "time of recording"}
    assert set(probed(made.video(recipe)).dropped) == dropped


def test_probe_names_no_technical_metadata(phone: bytes) -> None:
    header = probed(phone)
    assert (header.dropped, header.audio) == ((), ("aac",))


@pytest.mark.parametrize(
    "data",
    [
        PICTURE,
        b"",
        b"no video",
        b"#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1/segment.ts\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=-\n",
        b"\0\0\0\x1cftypheic\0\0\0\0mif1heic" + bytes(64),
        b"\x1a\x45\xdf\xa3\x42\x82\x84text" + bytes(64),
        b"RIFF\0\0\0\0AVI LIST" + bytes(64),
    ],
)
def test_other_files_are_unsupported(data: bytes) -> None:
    assert signatures.sniff(data) is None
    with pytest.raises(UnsupportedVideo):
        probed(data)


def test_cover_art_is_no_video() -> None:
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        sound = container.add_stream("aac", rate=made.RATE)
        cover = container.add_stream("mjpeg")
        cover.width, cover.height = 96, 64
        cover.pix_fmt = "yuvj420p"
        cover.disposition = Disposition.attached_pic
        container.mux(cover.encode(av.VideoFrame.from_ndarray(made.image(0, (96, 64)), format="bgr24")))
        container.mux(cover.encode())
        made.write_sound(container, sound, 90_000)
    with pytest.raises(UnsupportedVideo, match="cover picture"):
        probed(out.getvalue())


def test_other_codecs_are_unsupported() -> None:
    with pytest.raises(UnsupportedVideo, match="mjpeg"):
        probed(made.video(Recipe("mjpeg", "mov", options={}, pixel_format="yuvj420p")))


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("kind", ["index last", "index first", "fragments", "matroska"])
def test_cut_video_is_invalid(kind: str, share: float) -> None:
    muxing = {"movflags": "frag_keyframe+empty_moov"} if kind == "fragments" else {}
    container = "matroska" if kind == "matroska" else "mp4"
    data = made.video(Recipe(container=container, times=made.varying(50), audio="aac", muxing=muxing))
    data = index_first(data) if kind == "index first" else data
    probed(data)
    with pytest.raises(InvalidVideo):
        probed(data[: int(len(data) * share)])


def index_first(data: bytes) -> bytes:
    """Put the index of an MP4 before its contents, as files for the web have it."""
    start, contents = data.index(b"moov") - 4, data.index(b"mdat") - 4
    index = bytearray(data[start:])
    for found in re.finditer(b"stco", bytes(index)):
        at = found.end() + 8
        (count,) = struct.unpack_from(">I", index, at - 4)
        offsets = struct.unpack_from(f">{count}I", index, at)
        struct.pack_into(f">{count}I", index, at, *(offset + len(index) for offset in offsets))
    return data[:contents] + bytes(index) + data[contents:start]


def test_video_without_index_is_invalid(phone: bytes) -> None:
    start = phone.index(b"moov") - 4
    (size,) = struct.unpack_from(">I", phone, start)
    with pytest.raises(InvalidVideo):
        probed(phone[:start] + phone[start + size :])


def test_picture_behind_signature_is_invalid(phone: bytes) -> None:
    with pytest.raises(InvalidVideo):
        probed(phone[:32] + PICTURE)


def stated_long(data: bytes) -> bytes:
    """Let a Matroska header say that the video has three hours."""
    at = data.index(b"\x44\x89\x88") + 3  # Duration: eight bytes
    return data[:at] + struct.pack(">d", THREE_HOURS_S * 1000) + data[at + 8 :]


def test_stated_length_is_judged() -> None:
    data = stated_long(made.video(Recipe(container="matroska", times=made.steady(25))))
    with pytest.raises(VideoTooLarge, match="10,800 s"):
        media.probe(io.BytesIO(data), LIMITS)
    with pytest.raises(InvalidVideo, match="cut off"):
        probed(data, VideoLimits(max_duration_s=THREE_HOURS_S))


def attached(data: bytes, size: int) -> bytes:
    """Attach a file of this size to a Matroska file, whose length is unknown then."""

    def element(name: str, contents: bytes) -> bytes:
        return bytes.fromhex(name) + (len(contents) | 1 << 56).to_bytes(8, "big") + contents

    parts = element("466E", b"a.ttf") + element("4660", b"font/ttf") + element("46AE", b"\1")
    attachments = element("1941A469", element("61A7", parts + element("465C", bytes(size))))
    segment, cluster = data.index(b"\x18\x53\x80\x67") + 4, data.index(b"\x1f\x43\xb6\x75")
    return data[:segment] + b"\x01" + b"\xff" * 7 + data[segment + 8 : cluster] + attachments + data[cluster:]


def test_attachments_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "MAX_MATROSKA_HEAD_BYTES", 4 * 2**20)
    data = made.video(Recipe(container="matroska"))
    assert "attachment" in " ".join(media.probe(io.BytesIO(attached(data, 2**20)), LIMITS).dropped)
    with pytest.raises(InvalidVideo, match="larger than"):
        media.probe(io.BytesIO(attached(data, 8 * 2**20)), LIMITS)


def test_wrong_length_in_mp4_is_corrected(phone: bytes) -> None:
    """The tables of an MP4 count: a header that says otherwise does no harm."""
    at = phone.index(b"mvhd") + 20
    data = phone[:at] + b"\x7f\xff\xff\xff" + phone[at + 4 :]
    assert data != phone
    duration_s = probed(data).duration_s
    assert duration_s == pytest.approx(probed(phone).duration_s)


@pytest.mark.parametrize("container", ["mp4", "matroska"])
@pytest.mark.parametrize(
    "limits", [VideoLimits(max_pixels=6000), VideoLimits(max_frames=49), VideoLimits(max_duration_s=1)]
)
def test_limits_are_kept(container: str, limits: VideoLimits) -> None:
    data = made.video(Recipe(container=container))
    probed(data)
    with pytest.raises(VideoTooLarge):
        probed(data, limits)


class BrokenStore(io.BytesIO):
    """A file whose later half can't be read."""

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() > len(self.getvalue()) // 2:
            raise StorageUnavailable
        return super().read(size)


@pytest.mark.parametrize("container", ["mp4", "matroska"])
def test_store_that_fails_is_no_end_of_file(container: str) -> None:
    data = made.video(Recipe(container=container, size=(640, 480), times=made.steady(200)))
    header = media.probe(io.BytesIO(data), LIMITS)
    with pytest.raises(StorageUnavailable):
        segments.plan(BrokenStore(data), header, LIMITS)


def test_header_is_read_again_without_a_walk() -> None:
    """Every step of a video reads its header: what was judged once, to the last fragment, is not judged again."""
    data = made.video(Recipe(muxing={"movflags": "frag_keyframe+empty_moov"}))
    header = media.probe(io.BytesIO(data), LIMITS)
    cut = io.BytesIO(data + b"\0\0\1\0moof")
    assert media.read_header(cut, LIMITS) == header
    with pytest.raises(InvalidVideo, match="cut off"):
        media.probe(cut, LIMITS)


@pytest.mark.parametrize("container", ["mp4", "matroska"])
def test_enormous_frame_is_refused_unread(container: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """FFmpeg holds it twice: 600 MB for 300."""
    data = made.video(Recipe(container=container, size=(1280, 720), options={"qp": "0"}, times=made.steady(2)))
    largest = len(data)
    assert largest > 2 * containers.BUFFER_BYTES
    probed(data)
    monkeypatch.setattr(containers, "MAX_FRAME_BYTES", containers.BUFFER_BYTES)
    with pytest.raises(InvalidVideo, match="larger than"):
        probed(data)
