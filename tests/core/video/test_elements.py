"""What a Matroska file may hold before its frames: as much as films do, and nothing that FFmpeg has no end of."""

import io

import pytest

from core.errors import InvalidVideo, UnsupportedVideo
from core.video import elements, media, segments
from core.video.media import VideoHeader, VideoLimits
from tests.core.video import made
from tests.core.video.made import Recipe

LIMITS = VideoLimits()
SEEK_HEAD, CUES, CHAPTERS, TAGS, INFO, TRACKS = "114D9B74", "1C53BB6B", "1043A770", "1254C367", "1549A966", "1654AE6B"
UNKNOWN = b"\x01" + b"\xff" * 7
Ids = tuple[str, ...]


@pytest.fixture(scope="module")
def film() -> bytes:
    return made.video(Recipe(container="matroska", audio="aac", metadata={"title": "Title"}, chapters=True))


def element(name: str, contents: bytes = b"", length: bytes | None = None) -> bytes:
    stated = (len(contents) | 1 << 56).to_bytes(8, "big") if length is None else length
    return bytes.fromhex(name) + stated + contents


def with_elements(film: bytes, before: bytes, after: bytes = b"") -> bytes:
    """Put elements before the frames of a file, and after them; its length is unknown then."""
    segment, cluster = film.index(bytes.fromhex("18538067")) + 4, film.index(bytes.fromhex("1F43B675"))
    return film[:segment] + UNKNOWN + film[segment + 8 : cluster] + before + film[cluster:] + after


def elsewhere(film: bytes, sought: str, there: bytes) -> bytes:
    """Put an element after the frames, and say before them where it is."""

    def placed(place: int) -> bytes:
        fields = element("53AB", bytes.fromhex(sought)) + element("53AC", place.to_bytes(8, "big"))
        return with_elements(film, element(SEEK_HEAD, element("4DBB", fields)), there)

    contents = placed(0).index(bytes.fromhex("18538067")) + 12
    return placed(len(placed(0)) - len(there) - contents)


def probed(data: bytes) -> VideoHeader:
    header = media.probe(io.BytesIO(data), LIMITS)
    segments.plan(io.BytesIO(data), header, LIMITS)
    return header


def nested(ids: Ids, contents: bytes) -> bytes:
    for name in reversed(ids):
        contents = element(name, contents)
    return contents


def tag(number: int, within: bytes = b"") -> bytes:
    return element("67C8", element("45A3", str(number).encode()) + element("4487", b"value") + within)


def cue(time: int) -> bytes:
    place = element("B7", element("F7", b"\1") + element("F1", b"\0"))
    return element("BB", element("B3", time.to_bytes(4, "big")) + place)


def tags(count: int) -> bytes:
    return b"".join(map(tag, range(count)))


def test_film_is_read(film: bytes) -> None:
    assert {"chapters", "metadata"} <= set(probed(film).dropped)


@pytest.mark.parametrize(
    ("ids", "one", "most"),
    [((TAGS, "7373"), tag(1), 950), ((CHAPTERS, "45B9"), element("B6"), 950), ((INFO,), element("EC"), 19_000)],
)
def test_elements_have_a_limit(film: bytes, ids: Ids, one: bytes, most: int) -> None:
    probed(with_elements(film, nested(ids, most * one)))
    with pytest.raises(InvalidVideo, match="names more"):
        probed(with_elements(film, nested(ids, (most + 1001) * one)))


def test_tracks_have_a_limit(film: bytes) -> None:
    """FFmpeg looks through all of them for each place of a frame."""
    with pytest.raises(InvalidVideo, match="names more"):
        probed(with_elements(film, element(TRACKS, 65 * element("AE"))))


def test_tags_within_tags_count_as_often_as_they_are_read(film: bytes) -> None:
    """FFmpeg reads what is in a tag with a language twice, and so on."""

    def chain(depth: int) -> bytes:
        inner = b""
        for number in range(depth):
            inner = tag(number, inner)
        return nested((TAGS, "7373"), inner)

    probed(with_elements(film, chain(9)))
    with pytest.raises(InvalidVideo, match="names more"):
        probed(with_elements(film, chain(10)))


def test_tags_elsewhere_count(film: bytes) -> None:
    probed(elsewhere(film, TAGS, nested((TAGS, "7373"), tags(900))))
    with pytest.raises(InvalidVideo, match="names more"):
        probed(elsewhere(film, TAGS, nested((TAGS, "7373"), tags(1001))))


def test_place_of_something_else_is_judged_by_what_is_there(film: bytes) -> None:
    with pytest.raises(InvalidVideo, match="names more"):
        probed(elsewhere(film, CHAPTERS, nested((TAGS, "7373"), tags(1001))))


def test_cues_elsewhere_have_a_limit(film: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """FFmpeg reads them when a frame is looked for."""
    data = elsewhere(film, CUES, element(CUES, b"".join(map(cue, range(4000)))))
    probed(data)
    monkeypatch.setattr(elements, "MAX_BYTES", 100_000)
    with pytest.raises(InvalidVideo, match="names more"):
        probed(data)


def test_cues_in_disorder_are_refused(film: bytes) -> None:
    """For each that is earlier, FFmpeg moves all others."""
    probed(elsewhere(film, CUES, element(CUES, b"".join(map(cue, [*range(5000), *range(500, 0, -1)])))))
    with pytest.raises(InvalidVideo, match="names more"):
        probed(elsewhere(film, CUES, element(CUES, b"".join(map(cue, range(5000, 3000, -1))))))


def test_many_places_are_refused(film: bytes) -> None:
    def places(sought: str, count: int) -> bytes:
        of = element("53AB", bytes.fromhex(sought))
        seeks = (element("4DBB", of + element("53AC", place.to_bytes(4, "big"))) for place in range(count))
        return element(SEEK_HEAD, b"".join(seeks))

    probed(with_elements(film, places("1F43B675", 5000)))
    with pytest.raises(InvalidVideo, match="names more"):
        probed(with_elements(film, places(TAGS, 65)))


@pytest.mark.parametrize(
    "broken",
    [
        element(TAGS, element("7373"), UNKNOWN),
        element(TAGS, element("7373", b"", b"\x88")),
        element(TAGS, b"\0\0"),
        element(TAGS, b"\x67"),
        nested((TRACKS, *["E0"] * 18), b""),
    ],
)
def test_broken_elements_are_refused(film: bytes, broken: bytes) -> None:
    with pytest.raises(InvalidVideo, match="broken"):
        probed(with_elements(film, broken))


def test_many_attachments_are_refused(film: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elements, "MAX_ATTACHMENTS", 10)
    probed(with_elements(film, element("1941A469", 10 * element("61A7"))))
    with pytest.raises(InvalidVideo, match="names more"):
        probed(with_elements(film, element("1941A469", 11 * element("61A7"))))


def compressed(film: bytes, *fields: bytes) -> bytes:
    """Say of a track that its frames are compressed so."""
    encoding = element("6240", element("5034", b"".join(fields))) if fields else element("6240")
    return with_elements(film, element(TRACKS, element("AE", element("6D80", encoding))))


@pytest.mark.parametrize(
    "fields", [(), (element("4254", b"\0"),), (element("4255", b"\0"),), (element("4254", b"\2"),)]
)
def test_compressed_tracks_are_refused(film: bytes, fields: tuple[bytes, ...]) -> None:
    """FFmpeg unpacks all frames of a block at once: 3 MB into 2 GB. What names no algorithm is compressed, too."""
    with pytest.raises(UnsupportedVideo, match="compressed"):
        probed(compressed(film, *fields))


def test_bytes_that_frames_are_stripped_of_are_few(film: bytes) -> None:
    """FFmpeg puts them before each frame: 15 MB and 250 frames of a block were 3.6 GB."""
    stripped = element("4254", b"\3")
    elements.judge(*sized(compressed(film, stripped, element("4255", bytes(256)))))
    with pytest.raises(InvalidVideo, match="names more"):
        probed(compressed(film, stripped, element("4255", bytes(257))))


def sized(data: bytes) -> tuple[io.BytesIO, int]:
    return io.BytesIO(data), len(data)
