"""The index of an MP4 or a MOV: read here first, since FFmpeg takes memory for whatever it declares.

measured: of a file of 2 KB that declares 80 million frames, FFmpeg makes 5 GB in half a minute
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np

from core.errors import InvalidVideo

BROKEN, CUT = "the index of the video is broken", "the video is cut off"
# Boxes (ISO 14496-12) that hold boxes, and those whose numbers FFmpeg takes memory for.
NESTED = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"mvex", b"moof", b"traf"}
SIZES, DURATIONS, EDITS, RUN, HANDLER = {b"stsz", b"stz2"}, b"stts", b"elst", b"trun", b"hdlr"
TABLES = {*SIZES, DURATIONS, b"ctts", EDITS, RUN}
# Long ones that hold numbers alone.
NUMBERS = {b"stsc", b"stco", b"co64", b"stss", b"stps", b"sdtp", b"sbgp", b"sgpd", b"saiz", b"saio", b"senc"}
# At the top: contents, and what FFmpeg passes over.
PASSED = {b"mdat", b"free", b"skip", b"wide", b"ftyp", b"styp", b"sidx", b"mfra"}
COMPRESSED = b"cmov"  # an old form of the index, of which nothing is known before it is unpacked
MAX_DEPTH = 10  # FFmpeg's
MAX_INDEX_BYTES = 64 * 2**20  # chosen: of one box; five times what a video of two hours has
MAX_SAMPLES = 4_000_000  # chosen: four times the frames and sounds of two hours; FFmpeg takes 60 bytes for each
MAX_EDITS = 1000  # chosen: edited films have some tens; for each of them FFmpeg walks over the index


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
    """What the tables of a track declare. even: of its tables of sizes and durations, whether all entries are alike."""

    samples: int = 0
    handlers: set[bytes] = field(default_factory=set)
    even: list[bool] = field(default_factory=list)

    @property
    def counted(self) -> int:
        """Return how many samples FFmpeg keeps: raw sound, a sample for each moment, is kept in chunks."""
        raw = self.handlers == {b"soun"} and self.even == [True, True]
        return 0 if raw else self.samples


class _Declared:
    """What the tables of a file declare, of all its tracks and fragments."""

    def __init__(self) -> None:
        self._samples, self._edits = 0, 0
        self._track = _Track()

    def read(self, kind: bytes, body: bytes, depth: int = 0) -> None:
        """Add what a box declares, and the boxes in it."""
        if depth > MAX_DEPTH:
            raise InvalidVideo(BROKEN)
        if kind in NESTED:
            self._read_nested(kind, body, depth)
        elif kind in TABLES:
            self._add(kind, body)
        elif kind == HANDLER:
            self._track.handlers |= {body[8:12]} & {b"soun", b"vide"}
        # FFmpeg reads tables in places where none should be, too.
        elif kind not in NUMBERS and any(name in body for name in TABLES):
            raise InvalidVideo(BROKEN)
        if depth == 0 or kind == b"trak":
            self._end_track()

    def _read_nested(self, kind: bytes, body: bytes, depth: int) -> None:
        at = 0
        while at + 8 <= len(body):
            inner, header, length = _header(body[at : at + 16], len(body) - at)
            misplaced = inner in {b"mdat", COMPRESSED} or (inner == b"trak" and kind != b"moov")
            if misplaced or not header <= length <= len(body) - at:
                raise InvalidVideo(BROKEN)
            self.read(inner, body[at + header : at + length], depth + 1)
            at += length

    def _add(self, kind: bytes, body: bytes) -> None:
        """Read a table; all of them begin with a version, and most go on with how many entries there are."""
        first, second = struct.unpack_from(">4xII", body.ljust(12, b"\0"))
        if kind in SIZES:
            self._track.samples += second
            self._track.even.append(kind == b"stsz" and first > 0)
        elif kind == RUN:
            self._samples += first
        elif kind == EDITS:
            self._edits += first
        else:
            whole = min(first, max(0, len(body) // 8 - 1))
            pairs = np.frombuffer(body, ">u4", 2 * whole, 8).reshape(-1, 2)
            if kind == DURATIONS:
                self._track.even.append(first == len(pairs) == 1 and pairs[0, 1] == 1)
            self._track.samples = max(self._track.samples, int(pairs[:, 0].sum(dtype=np.uint64)))
        self._judge()

    def _end_track(self) -> None:
        self._samples += self._track.counted
        self._track = _Track()
        self._judge()

    def _judge(self) -> None:
        if self._samples > MAX_SAMPLES or self._edits > MAX_EDITS:
            raise InvalidVideo("the index of the video names more frames, sounds or edits than videos have")
