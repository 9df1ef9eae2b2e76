"""The frames of Matroska: all of them are there, and none holds what FFmpeg has no end of."""

import io
import struct

import pytest

from core.errors import InvalidVideo
from core.video import clusters, ebml, indexes
from tests.core.video import made
from tests.core.video.made import Recipe
from tests.core.video.test_elements import UNKNOWN, element, probed, with_elements

CLUSTER, SEGMENT = "1F43B675", "18538067"


@pytest.fixture(scope="module")
def film() -> bytes:
    """A film whose segment and clusters state no length, and whose frames are last."""
    return unended(made.video(Recipe(container="matroska", times=made.steady(50), options={"g": "10"})))


def unended(film: bytes) -> bytes:
    """Take away what follows the clusters, and their lengths, as recordings are written that nobody may go back in."""
    found, at, outer = b"", film.index(bytes.fromhex(SEGMENT)) + 12, []
    while at < len(film):
        kind, start, end = ebml.at(io.BytesIO(film), at, len(film))
        assert end is not None
        outer.append(kind)
        if kind == bytes.fromhex(CLUSTER):
            found += kind + UNKNOWN + film[start:end]
        elif bytes.fromhex(CLUSTER) not in outer:
            found += film[at:end]
        at = end
    head = film[: film.index(bytes.fromhex(SEGMENT)) + 4]
    return head + UNKNOWN + found


def group(count: int) -> bytes:
    """Make a block of nothing with so many elements, additions without contents most of all."""
    return element("A0", element("A1", b"\x81\0\0\0") + element("75A1", (count - 2) * element("A6")))


def with_length(film: bytes, length: bytes) -> bytes:
    """State a length in seconds, or thousandths, of a file: a float of eight bytes."""
    at = film.index(bytes.fromhex("448988")) + 3
    return film[:at] + length + film[at + 8 :]


def test_film_without_lengths_is_read(film: bytes) -> None:
    assert probed(film).codec == "h264"


@pytest.mark.parametrize("left_out", [1, 60, 1000])
def test_film_without_lengths_that_is_cut_is_refused(film: bytes, left_out: int) -> None:
    with pytest.raises(InvalidVideo, match="cut off"):
        probed(film[:-left_out])


def test_cut_of_a_cluster_that_states_its_length_is_refused() -> None:
    whole = made.video(Recipe(container="matroska", times=made.steady(50)))
    cues = with_elements(whole, b"").rindex(bytes.fromhex("1C53BB6B"))
    probed(with_elements(whole, b"")[:cues])
    with pytest.raises(InvalidVideo, match="cut off"):
        probed(with_elements(whole, b"")[: cues - 100])


def test_blocks_have_few_additions(film: bytes) -> None:
    """Of 20 MB of them FFmpeg makes 385 MB."""
    probed(film + group(64))
    with pytest.raises(InvalidVideo, match="more parts"):
        probed(film + group(65))


def test_clusters_have_a_limit(film: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "MAX_ELEMENTS", 200)
    probed(film)
    with pytest.raises(InvalidVideo, match="more parts"):
        probed(film + 200 * element("EC"))


def test_frames_have_a_limit(film: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the byte: what is left of one that FFmpeg asks for says less."""
    block = element("A3", b"\x81\0\0\0" + bytes(90_000))
    for kind in (block, element("A0", block)):
        monkeypatch.setattr(clusters, "MAX_FRAME_BYTES", len(kind) - 9)
        clusters.judge(io.BytesIO(element(CLUSTER, kind)), 0, len(kind) + 12, set())
        monkeypatch.setattr(clusters, "MAX_FRAME_BYTES", len(kind) - 10)
        with pytest.raises(InvalidVideo, match="larger than"):
            clusters.judge(io.BytesIO(element(CLUSTER, kind)), 0, len(kind) + 12, set())


@pytest.mark.parametrize("broken", [element("A3", length=UNKNOWN), element("A0", element("A1", length=UNKNOWN))])
def test_blocks_without_a_length_are_refused(film: bytes, broken: bytes) -> None:
    with pytest.raises(InvalidVideo, match="broken"):
        probed(film + broken)


def test_block_beyond_its_cluster_is_refused(film: bytes) -> None:
    with pytest.raises(InvalidVideo, match="broken"):
        probed(film + element(CLUSTER, b"\xa3\x90") + element("EC", bytes(99)))


def test_length_below_zero_is_refused() -> None:
    film = made.video(Recipe(container="matroska"))
    with pytest.raises(InvalidVideo, match="length"):
        probed(with_length(film, struct.pack(">d", -5000)))


def test_frames_of_an_mp4_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    film = made.video(Recipe())
    sizes = film.index(b"stsz") + 16
    largest = max(int.from_bytes(film[at : at + 4], "big") for at in range(sizes, sizes + 200, 4))
    monkeypatch.setattr(indexes, "MAX_FRAME_BYTES", largest)
    probed(film)
    monkeypatch.setattr(indexes, "MAX_FRAME_BYTES", largest - 1)
    with pytest.raises(InvalidVideo, match="larger than"):
        probed(film)
