"""The index of an MP4 or a MOV: read here first, since FFmpeg takes memory for whatever it declares.

measured: of a file of 2 KB that declares 80 million frames, FFmpeg makes 5 GB in half a minute
"""

import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from core.errors import InvalidVideo
from core.video.clusters import MAX_FRAME_BYTES, TOO_LARGE

BROKEN, CUT = "the index of the video is broken", "the video is cut off"
# Boxes (ISO 14496-12) that hold boxes, and those whose numbers FFmpeg takes memory for.
NESTED = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"mvex", b"moof", b"traf", b"tref"}
SIZES, DURATIONS, EDITS, RUN, HANDLER = {b"stsz", b"stz2"}, b"stts", b"elst", b"trun", b"hdlr"
PLACES_OF_FRAGMENTS = b"sidx"
TABLES = {*SIZES, DURATIONS, b"ctts", EDITS, RUN, PLACES_OF_FRAGMENTS}
CHUNKS, PLACES, FRAGMENT, EXTENDS = b"stsc", {b"stco", b"co64"}, b"moof", b"trex"
# Long ones that hold numbers alone.
NUMBERS = {CHUNKS, *PLACES, b"stss", b"stps", b"sdtp", b"sbgp", b"sgpd"}
# Of encrypted frames, which can't be read: FFmpeg makes 550 bytes of each 8 in these.
ENCRYPTED = {b"saiz", b"saio", b"senc"}
# How long an entry is; FFmpeg reads as many as are declared, also beyond the end of the box.
ENTRY_BYTES = {DURATIONS: 8, b"ctts": 8, CHUNKS: 12, b"stco": 4, b"co64": 8, b"stss": 4, b"stps": 4}
NUMBER, CHAPTERS = b"tkhd", b"chap"
USER_DATA, METADATA = b"udta", {b"udta", b"meta", b"ilst"}
# At the top: contents, and what FFmpeg passes over.
PASSED = {b"mdat", b"free", b"skip", b"wide", b"ftyp", b"styp", b"mfra"}
COMPRESSED = b"cmov"  # an old form of the index, of which nothing is known before it is unpacked
MAX_DEPTH = 10  # FFmpeg's
MAX_INDEX_BYTES = 64 * 2**20  # chosen: of one box; five times what a video of two hours has
MAX_SAMPLES = 4_000_000  # chosen: four times the frames and sounds of two hours; FFmpeg takes 60 bytes for each
# Of other boxes. chosen: edited films have some tens of edits, for each of which FFmpeg walks over the index; there is
# one for each track that fragments extend, among which it looks for that of every fragment; cameras write some tens of
# metadata, each of which it compares with all others
MOST = {EDITS: 1000, EXTENDS: 1000, USER_DATA: 1000}
# What FFmpeg makes of a track's samples when edits repeat them, each up to all of them; 23 bytes for each.
# chosen: of a film of two hours, 40 edits
MAX_REPEATED = 10_000_000
MAX_CHAPTERS = 1000  # chosen: films have some tens; FFmpeg reads them one by one, and compares each with all others
PIECE = 1024  # moments of raw sound that FFmpeg keeps as one


def judge(file: BinaryIO, size: int) -> None:
    """Raise InvalidVideo for a file that is cut off, whose index is broken, or that declares more than videos have."""
    declared = _Declared()
    for kind, start, end in _outermost(file, size):
        if kind in PASSED:
            continue
        if end - start > MAX_INDEX_BYTES:
            raise InvalidVideo(BROKEN)
        file.seek(start)
        declared.read(kind, file.read(end - start))


def _outermost(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield the kind of each box, and from where to where its contents go; what can't be a box ends the file."""
    at = 0
    while at + 8 <= size:
        file.seek(at)
        kind, header, length = _header(file.read(16), size - at)
        if length < header:
            return
        if at + length > size:
            raise InvalidVideo(CUT)
        yield kind, at + header, at + length
        at += length


def _header(head: bytes, rest: int) -> tuple[bytes, int, int]:
    """Return the kind of a box, the bytes of its header, and of all of it. rest: what there is until the end."""
    length, kind = int.from_bytes(head[:4], "big"), head[4:8]
    if length == 1:
        return kind, 16, int.from_bytes(head[8:16], "big")
    return kind, 8, length or rest


@dataclass
class _Track:
    """What the tables of a track declare. even: of its tables of sizes and durations, whether all entries are alike.

    chunks: (n, 3), the number of a first chunk, and how many samples are in it and in those before the next one.
    """

    number: int = 0
    samples: int = 0
    edits: int = 0
    handlers: set[bytes] = field(default_factory=set)
    even: list[bool] = field(default_factory=list)
    places: int = 0
    chunks: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 3), np.int64))

    @property
    def counted(self) -> int:
        """Return how many samples FFmpeg keeps: raw sound, a sample for each moment, is kept in pieces of chunks."""
        raw = self.handlers == {b"soun"} and self.even == [True, True]
        return self._pieces if raw else self.samples

    def add(self, kind: bytes, body: bytes) -> None:
        """Read a table of numbers."""
        if kind == CHUNKS:
            self.chunks = _entries(kind, body).astype(np.int64)
        elif kind in ENTRY_BYTES:
            entries = len(_entries(kind, body))
            self.places = entries if kind in PLACES else self.places

    @property
    def _pieces(self) -> int:
        firsts = np.append(self.chunks[:, 0], self.places + 1)
        counts = np.maximum(np.diff(firsts), 0)
        return sum((counts * -(-self.chunks[:, 1] // PIECE)).tolist())


def _entries(kind: bytes, body: bytes) -> NDArray[np.uint32]:
    """Return the entries of a table, (n, …); InvalidVideo where it declares more than there are in its box."""
    words, entries = ENTRY_BYTES[kind] // 4, int.from_bytes(body[4:8], "big")
    if len(body) < 8 + entries * ENTRY_BYTES[kind]:
        raise InvalidVideo(BROKEN)
    return np.frombuffer(body, ">u4", words * entries, 8).reshape(-1, words)


def _largest(body: bytes, count: int) -> int:
    """Return the largest size of a table of sizes, 0 where all are alike."""
    return int(np.frombuffer(body, ">u4", min(count, len(body) // 4 - 3), 12).max(initial=0)) if len(body) > 12 else 0


class _Declared:
    """What the tables of a file declare, of all its tracks and fragments."""

    def __init__(self) -> None:
        self._samples = self._repeated = self._tracks = 0
        self._counts = dict.fromkeys(MOST, 0)
        self._of_tracks: Counter[int] = Counter()
        self._chapters: set[int] = set()
        self._track = _Track()

    def read(self, kind: bytes, body: bytes, depth: int = 0) -> None:
        """Add what a box declares, and the boxes in it."""
        if depth > MAX_DEPTH:
            raise InvalidVideo(BROKEN)
        if kind in NESTED:
            self._read_nested(kind, body, depth)
        elif kind in TABLES:
            self._add(kind, body)
        elif kind in NUMBERS:
            self._track.add(kind, body)
        elif kind in ENCRYPTED:
            raise InvalidVideo("the video is encrypted")
        elif kind == HANDLER:
            self._track.handlers |= {body[8:12]} & {b"soun", b"vide"}
        # FFmpeg reads tables in places where none should be, too; such a box may hold texts, "essence" among them.
        elif any(name in body for name in (TABLES if kind == b"uuid" else {*TABLES, *ENCRYPTED})):
            raise InvalidVideo(BROKEN)
        else:
            self._read_other(kind, body, depth)
        if kind == FRAGMENT:  # FFmpeg keeps what it knows of each track in each
            self._samples += max(1, self._tracks)
        if depth == 0 or kind == b"trak":
            self._end_track()

    def _read_other(self, kind: bytes, body: bytes, depth: int) -> None:
        if kind in METADATA:
            self._read_metadata(kind, body, depth)
        elif kind == EXTENDS:
            self._count(EXTENDS)
        elif kind == NUMBER:
            self._track.number = int.from_bytes(body[20:24] if body[:1] == b"\1" else body[12:16], "big")
        elif kind == CHAPTERS:
            self._chapters |= set(np.frombuffer(body, ">u4", len(body) // 4).tolist())

    def _read_nested(self, kind: bytes, body: bytes, depth: int) -> None:
        at = 0
        while at + 8 <= len(body):
            inner, header, length = _header(body[at : at + 16], len(body) - at)
            misplaced = inner in {b"mdat", COMPRESSED} or (inner == b"trak" and kind != b"moov")
            if misplaced or not header <= length <= len(body) - at:
                raise InvalidVideo(BROKEN)
            self.read(inner, body[at + header : at + length], depth + 1)
            at += length

    def _read_metadata(self, kind: bytes, body: bytes, depth: int) -> None:
        """Count boxes as FFmpeg does, which cuts the last to what there is."""
        at = 4 if kind == b"meta" and body[4:8] != HANDLER else 0  # in MP4, a version is before them
        while at + 8 <= len(body):
            inner, header, length = _header(body[at : at + 16], len(body) - at)
            if length < header:
                return
            self._count(USER_DATA)
            if inner in METADATA:
                self.read(inner, body[at + header : at + length], depth + 1)
            at += length

    def _add(self, kind: bytes, body: bytes) -> None:
        """Read a table; all of them begin with a version, and most go on with how many entries there are."""
        first, second = struct.unpack_from(">4xII", body.ljust(12, b"\0"))
        if kind in SIZES:
            self._track.samples = max(self._track.samples, second)
            if kind == b"stsz" and max(first, _largest(body, second)) > MAX_FRAME_BYTES:
                raise InvalidVideo(TOO_LARGE)
            self._track.even.append(kind == b"stsz" and first > 0)
        elif kind == RUN:
            self._samples += first
        elif kind == EDITS:
            self._track.edits += first
            self._count(EDITS, first)
        elif kind == PLACES_OF_FRAGMENTS:  # for each, FFmpeg keeps something of each track
            count = body[30:32] if body[:1] == b"\1" else body[22:24]
            self._samples += int.from_bytes(count, "big") * max(1, self._tracks)
        else:
            pairs = _entries(kind, body)
            if kind == DURATIONS:
                self._track.even.append(first == len(pairs) == 1 and pairs[0, 1] == 1)
            self._track.samples = max(self._track.samples, int(pairs[:, 0].sum(dtype=np.uint64)))
        self._judge()

    def _end_track(self) -> None:
        self._samples += self._track.counted
        self._repeated += self._track.counted * self._track.edits if self._track.edits > 1 else 0
        self._of_tracks[self._track.number] += self._track.samples
        self._tracks += bool(self._track.handlers)
        self._track = _Track()
        self._judge()

    def _count(self, kind: bytes, number: int = 1) -> None:
        self._counts[kind] += number
        self._judge()

    def _judge(self) -> None:
        chapters = sum(self._of_tracks[number] for number in self._chapters)
        many = any(self._counts[kind] > most for kind, most in MOST.items())
        many = many or self._samples > MAX_SAMPLES or self._repeated > MAX_REPEATED
        if many or chapters > MAX_CHAPTERS:
            raise InvalidVideo("the index of the video names more frames, sounds, edits or metadata than videos have")
