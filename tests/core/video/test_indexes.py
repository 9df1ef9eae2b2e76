"""What the index of an MP4 may declare: as much as videos have, and nothing that FFmpeg takes gigabytes for."""

import io
import struct

import pytest

from core.errors import InvalidVideo
from core.video import indexes, media, segments
from core.video.media import VideoHeader, VideoLimits
from tests.core.video import made
from tests.core.video.made import X264, Recipe

LIMITS = VideoLimits()


def probed(data: bytes) -> VideoHeader:
    """Probe a file and plan its segments."""
    header = media.probe(io.BytesIO(data), LIMITS)
    segments.plan(io.BytesIO(data), header, LIMITS)
    return header


def declaring(data: bytes, table: bytes, at: int, *numbers: int) -> bytes:
    """Write other numbers into a table of an MP4's index, `at` bytes after its name."""
    start = data.index(table) + len(table) + at
    return data[:start] + struct.pack(f">{len(numbers)}I", *numbers) + data[start + 4 * len(numbers) :]


@pytest.mark.parametrize(
    ("table", "at", "numbers"),
    [(b"stsz", 4, (1, 80_000_000)), (b"stts", 4, (1, 80_000_000)), (b"elst", 4, (100_000,))],
)
def test_index_of_millions_is_refused(table: bytes, at: int, numbers: tuple[int, ...]) -> None:
    """FFmpeg would take gigabytes of memory, for a file of some KB."""
    data = made.video(Recipe(options={**X264, "bf": "2"}))
    with pytest.raises(InvalidVideo, match="more frames, sounds, edits"):
        probed(declaring(data, table, at, *numbers))


def test_fragment_of_millions_is_refused() -> None:
    data = made.video(Recipe(muxing={"movflags": "frag_keyframe+empty_moov"}))
    with pytest.raises(InvalidVideo, match="more frames, sounds, edits"):
        probed(declaring(data, b"trun", 4, 80_000_000))


def test_hidden_index_is_refused() -> None:
    """FFmpeg reads tables within boxes that are not made for them."""
    data = made.video(Recipe())
    at = data.index(b"stsd") + 20
    with pytest.raises(InvalidVideo):
        probed(data[:at] + b"stsz" + data[at + 4 :])


@pytest.mark.parametrize("kind", [b"mdat", b"cmov", b"trak"])
def test_misplaced_boxes_are_refused(kind: bytes) -> None:
    """FFmpeg leaves the index at contents that lie in it, and unpacks a compressed one."""
    data = made.video(Recipe())
    at = data.index(b"smhd" if b"smhd" in data else b"vmhd")
    with pytest.raises(InvalidVideo, match="index"):
        probed(data[:at] + kind + data[at + 4 :])


def test_deep_index_is_refused() -> None:
    box = b""
    for _ in range(2000):
        box = struct.pack(">I", len(box) + 8) + b"trak" + box
        box = struct.pack(">I", len(box) + 8) + b"moov" + box
    with pytest.raises(InvalidVideo, match="broken"):
        probed(made.video(Recipe()) + box)


def test_raw_sound_has_many_samples() -> None:
    """A sample for each moment: two hours have hundreds of millions."""
    data = made.video(Recipe(container="mov", audio="pcm_s16le"))
    sound = data.rindex(b"stts")
    entries, _, duration = struct.unpack_from(">III", data, sound + 8)
    assert (entries, duration) == (1, 1)
    more = data[:sound] + declaring(data[sound:], b"stts", 8, 300_000_000)
    assert media.probe(io.BytesIO(more), LIMITS).audio == ("pcm_s16le",)


def test_raw_sound_in_enormous_chunks_is_refused() -> None:
    """FFmpeg would keep them in pieces, of which two million, 50 MB, are in the largest chunk."""
    data = made.video(Recipe(container="mov", audio="pcm_s16le"))
    sound = data.rindex(b"stsc")
    with pytest.raises(InvalidVideo, match="more frames, sounds, edits"):
        probed(data[:sound] + declaring(data[sound:], b"stsc", 12, 2**31 - 1))


@pytest.mark.parametrize("table", [b"stts", b"stsc", b"stco"])
def test_table_beyond_its_box_is_refused(table: bytes) -> None:
    """FFmpeg reads on: what else there is in the file, as numbers."""
    with pytest.raises(InvalidVideo, match="index of the video is broken"):
        probed(declaring(made.video(Recipe()), table, 4, 10_000))


def test_many_extended_tracks_are_refused() -> None:
    """For each fragment, FFmpeg looks for its own among them."""
    data, extends = made.video(Recipe()), box(b"trex", bytes(24))
    probed(data + box(b"moov", box(b"mvex", 1000 * extends)))
    with pytest.raises(InvalidVideo, match="more frames, sounds, edits"):
        probed(data + box(b"moov", box(b"mvex", 1001 * extends)))


def box(kind: bytes, contents: bytes) -> bytes:
    return struct.pack(">I", len(contents) + 8) + kind + contents


def test_many_metadata_are_refused() -> None:
    """FFmpeg compares each with all others."""

    def tagged(count: int) -> bytes:
        metadata = {f"key {number}": "value" for number in range(count)}
        return made.video(Recipe(container="mov", metadata=metadata, muxing={"movflags": "use_metadata_tags"}))

    assert probed(tagged(900)).dropped == ("metadata",)
    with pytest.raises(InvalidVideo, match="more frames, sounds, edits"):
        probed(tagged(1100))


def test_fragments_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """FFmpeg keeps something of each track in each."""
    data = made.video(Recipe(muxing={"movflags": "frag_every_frame+empty_moov"}))
    monkeypatch.setattr(indexes, "MAX_SAMPLES", 100)  # 50 frames, a fragment each
    probed(data)
    monkeypatch.setattr(indexes, "MAX_SAMPLES", 99)
    with pytest.raises(InvalidVideo, match="more frames, sounds, edits"):
        probed(data)


def test_many_chapters_are_refused() -> None:
    """Any track can be said to be that of the chapters."""
    data = made.video(Recipe(times=made.steady(1001), audio="aac"))
    probed(data)
    with pytest.raises(InvalidVideo, match="more frames, sounds, edits"):
        probed(data + box(b"moov", box(b"trak", box(b"tref", box(b"chap", struct.pack(">I", 1))))))


def edited(data: bytes, edits: int) -> bytes:
    """Show the whole of an MP4's track so often."""
    one = struct.pack(">IiI", 2000, 0, 1 << 16)
    edts = box(b"edts", box(b"elst", struct.pack(">II", 0, edits) + edits * one))
    moov = data.index(b"moov") - 4
    return data[:moov] + grown(data[moov:], (b"moov", b"trak"), edts)


def grown(data: bytes, boxes: tuple[bytes, ...], more: bytes) -> bytes:
    """Put a box at the end of the last of these, each of which is in the one before."""
    for kind in boxes:
        at = data.index(kind) - 4
        (length,) = struct.unpack_from(">I", data, at)
        data = data[:at] + struct.pack(">I", length + len(more)) + data[at + 4 :]
    return data[: at + length] + more + data[at + length :]


def test_frames_repeated_by_edits_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """FFmpeg keeps each frame as often as edits show it: of 400 KB with 900 edits it made 2 GB."""
    data = made.video(Recipe(muxing={"use_editlist": "0"}))
    monkeypatch.setattr(indexes, "MAX_REPEATED", 50 * 20)
    media.probe(io.BytesIO(edited(data, 20)), LIMITS)
    with pytest.raises(InvalidVideo, match="more frames, sounds, edits"):
        media.probe(io.BytesIO(edited(data, 21)), LIMITS)


def test_places_of_fragments_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """FFmpeg keeps something of each track for each: of 1.6 MB and 62 tracks it made 550 MB."""
    places = struct.pack(">IIIIIHH", 0, 1, 25, 0, 0, 0, 400) + 400 * struct.pack(">III", 1000, 1, 0)
    data = made.video(Recipe(audio="aac")) + box(b"sidx", places)
    monkeypatch.setattr(indexes, "MAX_SAMPLES", 1000)
    probed(data)
    monkeypatch.setattr(indexes, "MAX_SAMPLES", 900)  # 50 frames, 95 sounds, and 400 places for each of two tracks
    with pytest.raises(InvalidVideo, match="more frames, sounds, edits"):
        probed(data)


@pytest.mark.parametrize("kind", [b"senc", b"saiz", b"saio"])
def test_encrypted_video_is_refused(kind: bytes) -> None:
    """Of 32 MB that say how frames are encrypted FFmpeg made 2 GB, for frames that can't be read."""
    data = made.video(Recipe())
    moov = data.index(b"moov") - 4
    with pytest.raises(InvalidVideo, match="encrypted"):
        probed(data[:moov] + grown(data[moov:], (b"moov", b"trak"), box(kind, bytes(16))))


def test_words_are_no_encryption() -> None:
    """An XMP that has the word essence."""
    probed(made.video(Recipe()) + box(b"uuid", bytes(16) + b"<x:xmpmeta>essence</x:xmpmeta>"))
