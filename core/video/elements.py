"""The elements of a Matroska or WebM file before its frames: read here first, since FFmpeg keeps all of them.

measured: it compares each tag with all others, so that 20,000, in 800 KB, take it 1 s, and 40,000 4.4 s
"""

from typing import BinaryIO

from core.errors import InvalidVideo, UnsupportedVideo
from core.video import clusters, ebml
from core.video.clusters import CLUSTER

TOO_MUCH = "the header of the video names more tracks, tags, chapters or places than those of videos do"
PACKED = "a track of the file is compressed or encrypted as a whole: write it anew with mkvmerge --compression -1:none"
# Elements (RFC 9559): the file's outermost ones, what is before the frames, and where those begin.
HEADER, SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"
SEEK_HEAD, CUES, ATTACHMENTS = b"\x11\x4d\x9b\x74", b"\x1c\x53\xbb\x6b", b"\x19\x41\xa4\x69"
INFO, TRACKS, CHAPTERS, TAGS = b"\x15\x49\xa9\x66", b"\x16\x54\xae\x6b", b"\x10\x43\xa7\x70", b"\x12\x54\xc3\x67"
KEPT = {SEEK_HEAD, CUES, ATTACHMENTS, INFO, TRACKS, CHAPTERS, TAGS}
SEEK, SEEK_ID, SEEK_POSITION = b"\x4d\xbb", b"\x53\xab", b"\x53\xac"
CUE, CUE_TIME = b"\xbb", b"\xb3"
TRACK, CHAPTER, TAG = b"\xae", b"\xb6", b"\x67\xc8"
ENCODING, COMPRESSION, ALGORITHM, SETTINGS = b"\x62\x40", b"\x50\x34", b"\x42\x54", b"\x42\x55"
STRIPPED = 3  # the algorithm of frames without their first bytes, which are the settings
# Of those in tracks, chapters and tags, the ones that hold others.
NESTED = {
    *(TRACK, b"\xe0", b"\x55\xb0", b"\x55\xd0", b"\x76\x70", b"\xe1", b"\xe2", b"\xe3", b"\xe4", b"\x6d\x80"),
    *(ENCODING, COMPRESSION, b"\x50\x35", b"\x41\xe4"),
    *(b"\x45\xb9", CHAPTER, b"\x80"),
    *(b"\x73\x73", b"\x63\xc0", TAG),
}
MAX_DEPTH = 16  # FFmpeg's
MAX_BYTES = 16 * 2**20  # chosen: of all but attachments; a place a frame for two hours
MAX_ELEMENTS = 20_000  # chosen: a film with 30 tracks and 100 chapters has 3000; FFmpeg keeps each
# Of each kind. chosen: programs write ten tags a track; a tag within others counts twice for each of those, as often as
# FFmpeg may read it
MOST = {TRACK: 64, CHAPTER: 1000, TAG: 1000}
MAX_ATTACHMENTS = 1000  # chosen: a film with 100 fonts is a large one
MAX_STRIPPED = 256  # chosen: of each frame; programs strip a few bytes
MAX_SEEKS = 64  # FFmpeg's, of what is not a cluster
MAX_STEPS_BACK = 1000  # chosen: cues are in order, or track by track; for each that is not, FFmpeg moves all others


def judge(file: BinaryIO, size: int) -> None:
    """Raise InvalidVideo for a file that is cut off, whose header is broken, or that holds more than videos do.

    UnsupportedVideo where frames are compressed once more.
    """
    header, _, at = ebml.at(file, 0, size)
    if header != HEADER or at is None:
        raise InvalidVideo(ebml.BROKEN)
    segment, begins, end = ebml.at(file, at, size)
    if segment != SEGMENT:
        raise InvalidVideo(ebml.BROKEN)
    _Head(file, begins, size).read(size if end is None else end)


class _Head:
    """What a file holds before its frames, and what it refers to there. begins: where the segment's contents do."""

    def __init__(self, file: BinaryIO, begins: int, size: int) -> None:
        self._file, self._begins, self._size = file, begins, size
        self._bytes = self._elements = self._attachments = 0
        self._counts = dict.fromkeys(MOST, 0)
        self._places: set[tuple[bytes, int]] = set()
        self._waiting: list[int] = []
        self._judged: set[int] = set()

    def read(self, end: int) -> None:
        """Judge all elements before the first cluster, and all that they say is elsewhere, as FFmpeg reads them."""
        at = self._begins
        while at < end:
            kind, start, ends = ebml.at(self._file, at, self._size)
            if kind == CLUSTER:
                clusters.judge(self._file, at, end, KEPT)
                break
            if ends is None:
                raise InvalidVideo(ebml.BROKEN)
            self._count_one()
            self._judged.add(at)
            self._judge(kind, start, ends)
            at = ends
        while self._waiting:
            at = self._waiting.pop()
            if at not in self._judged and at < self._size:
                self._judged.add(at)
                self._judge_elsewhere(at)

    def _judge_elsewhere(self, at: int) -> None:
        """Judge what is at a place; where none of these elements is, FFmpeg gives up."""
        self._file.seek(at)
        if self._file.read(ebml.ID_BYTES) in KEPT:
            kind, start, end = ebml.at(self._file, at, self._size)
            if end is None:
                raise InvalidVideo(ebml.BROKEN)
            self._judge(kind, start, end)

    def _judge(self, kind: bytes, start: int, end: int) -> None:
        if kind == ATTACHMENTS:
            self._judge_attachments(start, end)
        elif kind in KEPT:
            self._bytes += end - start
            if self._bytes > MAX_BYTES:
                raise InvalidVideo(TOO_MUCH)
            self._file.seek(start)
            self._judge_kept(kind, memoryview(self._file.read(end - start)))

    def _judge_attachments(self, at: int, end: int) -> None:
        while at < end:
            self._attachments += 1
            _, _, ends = ebml.at(self._file, at, self._size)
            if ends is None or ends > end:
                raise InvalidVideo(ebml.BROKEN)
            if self._attachments > MAX_ATTACHMENTS:
                raise InvalidVideo(TOO_MUCH)
            at = ends

    def _judge_kept(self, kind: bytes, contents: memoryview) -> None:
        if kind == CUES:
            _judge_cues(contents)
        elif kind == SEEK_HEAD:
            self._judge_seeks(contents)
        else:
            self._count(contents)

    def _count(self, contents: memoryview, depth: int = 0, weight: int = 1) -> None:
        """Count what an element holds. weight: how often it may be read."""
        if depth > MAX_DEPTH:
            raise InvalidVideo(ebml.BROKEN)
        for kind, inner in ebml.children(contents):
            self._count_one(kind, weight)
            if kind == ENCODING:
                _judge_encoding(inner)
            if kind in NESTED:
                self._count(inner, depth + 1, weight * 2 if kind == TAG else weight)

    def _count_one(self, kind: bytes = b"", weight: int = 1) -> None:
        self._elements += 1
        if kind in MOST:
            self._counts[kind] += weight
        if self._elements > MAX_ELEMENTS or self._counts.get(kind, 0) > MOST.get(kind, 0):
            raise InvalidVideo(TOO_MUCH)

    def _judge_seeks(self, contents: memoryview) -> None:
        for kind, inner in ebml.children(contents):
            if kind != SEEK:
                continue
            fields = {name: bytes(value) for name, value in ebml.children(inner)}
            sought, place = fields.get(SEEK_ID, b""), int.from_bytes(fields.get(SEEK_POSITION, b""), "big")
            if sought != CLUSTER and (sought, place) not in self._places:
                self._places.add((sought, place))
                self._waiting.append(self._begins + place)
            if len(self._places) > MAX_SEEKS:
                raise InvalidVideo(TOO_MUCH)


def _judge_encoding(contents: memoryview) -> None:
    """Refuse frames that are compressed: FFmpeg unpacks all those of a block at once, whatever comes out of them.

    measured: of 3 MB it makes 2 GB, and of 250 bytes and 15 MB that are stripped of each, 3.6 GB.
    """
    compressions = [list(ebml.children(inner)) for kind, inner in ebml.children(contents) if kind == COMPRESSION]
    for fields in compressions or [[]]:
        algorithms = {int.from_bytes(value, "big") for name, value in fields if name == ALGORITHM}
        if algorithms != {STRIPPED}:
            raise UnsupportedVideo(PACKED)
        if any(name == SETTINGS and len(value) > MAX_STRIPPED for name, value in fields):
            raise InvalidVideo(TOO_MUCH)


def _judge_cues(contents: memoryview) -> None:
    latest = back = 0
    for kind, cue in ebml.children(contents):
        for name, value in ebml.children(cue) if kind == CUE else ():
            if name == CUE_TIME:
                time = int.from_bytes(value, "big")
                back += time < latest
                latest = max(latest, time)
        if back > MAX_STEPS_BACK:
            raise InvalidVideo(TOO_MUCH)
