"""Padding of a JPEG: bytes that nothing reads, before a restart marker or after a scan. Removing it loses no pixel.

Webcams pad before restart markers, scanners and memory cards before the end. But a file that was cut and then filled up
looks alike: its filling is decoded as if it were pixels. So long padding is accepted only where it repeats, and where
all pixels are there without it. libjpeg calls padding extraneous bytes.
"""

import bisect
import re
import struct
from collections.abc import Callable, Iterator

import numpy as np

from core.errors import UndecodableImage

Check = Callable[[bytes], None]  # decodes a JPEG; ValueError on whatever libjpeg-turbo warns of

EXTRANEOUS = re.compile(r"(\d+) extraneous bytes before marker 0x([0-9a-f]{2})")
DRI, END = 0xDD, b"\xff\xd9"
PREMATURE = "premature end"
# Looked for from the first of many fill bytes alone: from each of them it would take the square of the time.
RESTART = re.compile(rb"(?<!\xff)\xff++[\xd0-\xd7]")
MAX_PADDING = 64  # chosen: bytes of any kind; webcams write up to some tens, and more of them mean damage
PERIODS = (1, 2, 4)  # chosen: zeros, blanks, or a pattern of a few bytes
MAX_READ_AHEAD = 16  # chosen: libjpeg-turbo reads 8 bytes ahead
KEPT = 4  # chosen: bytes at the end of the pixels' data that may look like the filling after them
MAX_RESTARTS = 16_384  # measured: 4,000 parts take 0.8 s
MAX_HEADS = 2**26  # chosen: bytes of all parts' headers, each a copy of that of the file, which has about a kilobyte
MAX_PREFIXES = 12  # measured: of 49 megapixels 10 take 6 s, when each has padding
MAX_SIDE = 2_000  # chosen: MCUs of a side of a part, within the 65,500 pixels that libjpeg allows


def remove_from_scan(head: list[bytes], frame: bytes, scan: bytes, check: Check) -> bytes:
    """Return the data of a baseline JPEG's only scan without padding; ValueError, UndecodableImage where it is none.

    head: the segments before; frame: the body of the frame header. Each part between two restart markers is a JPEG of
    its own, as soon as the header states its size.
    """
    parts, counts = split(head, frame, scan)
    if len(parts) * sum(len(segment) for segment in head) > MAX_HEADS:
        raise UndecodableImage("the JPEG has stray bytes in too many parts")
    height, width = struct.unpack_from(">HH", frame, 1)
    across, down = _mcu_size(frame)
    clean = []
    for part, count in zip(parts, counts, strict=True):
        size = height, width
        if len(parts) > 1:
            columns, rows = _rectangle(count)
            size = rows * down, columns * across
        clean.append(_remove(b"".join(_resized(head, size)), part, check))
    return b"".join(part + mark[-2:] for part, mark in zip(clean, [*RESTART.findall(scan), b""], strict=True))


def split(head: list[bytes], frame: bytes, scan: bytes) -> tuple[list[bytes], list[int]]:
    """Split the data of a baseline JPEG's only scan at its restart markers: parts, and how many MCUs each has."""
    height, width = struct.unpack_from(">HH", frame, 1)
    across, down = _mcu_size(frame)
    total = -(-width // across) * -(-height // down)
    interval = next((int.from_bytes(part[4:6]) for part in reversed(head) if part[1] == DRI), 0) or total
    parts = RESTART.split(scan)
    if len(parts) != -(-total // interval) or len(parts) > MAX_RESTARTS:
        raise UndecodableImage("restart markers of the JPEG are missing, or too many")
    return parts, [min(interval, total - start) for start in range(0, total, interval)]


def _mcu_size(frame: bytes) -> tuple[int, int]:
    """Return width and height of what is coded together, in pixels."""
    count = frame[5]
    factors = frame[7 : 7 + 3 * count : 3]
    return (8, 8) if count == 1 else (8 * max(f >> 4 for f in factors), 8 * max(f & 15 for f in factors))


def remove_between_scans(segments: list[bytes], data: list[int], check: Check) -> list[bytes]:
    """Return the segments of a JPEG of several scans without padding. data: which of them are the data of scans."""
    if len(data) > MAX_PREFIXES:
        raise UndecodableImage(f"a JPEG with stray bytes has more than {MAX_PREFIXES} scans")
    clean = list(segments)
    for place in data:
        clean[place] = _remove(b"".join(clean[:place]), clean[place], check)
    return clean


def _rectangle(count: int) -> tuple[int, int]:
    """Return columns and rows of so many MCUs."""
    columns = next(side for side in range(min(count, MAX_SIDE), 0, -1) if count % side == 0)
    if count // columns > MAX_SIDE:
        raise UndecodableImage("the JPEG has stray bytes in a part that can't be decoded alone")
    return columns, count // columns


def _resized(head: list[bytes], size: tuple[int, int]) -> Iterator[bytes]:
    """Yield the segments before a scan, for a part of the picture: its size (height, width), and no restarts."""
    for part in head:
        if part[1] in (0xC0, 0xC1):
            yield part[:5] + struct.pack(">HH", *size) + part[9:]
        elif part[1] != DRI:
            yield part


def _remove(head: bytes, data: bytes, check: Check) -> bytes:
    """Return the data of a scan, or of a part of it, without the padding at its end. head: what stands before it."""

    def extraneous(length: int) -> int:
        return _extraneous(head + data[:length] + END, check)

    # The decoder does not count what it has read ahead.
    counted = extraneous(len(data))
    if counted < 0:
        raise UndecodableImage("data of the JPEG are missing")
    if not counted and extraneous(len(data) - 1) < 0:
        return data
    length = len(data) - counted
    shorter = range(max(0, length - MAX_READ_AHEAD), length)
    needed = shorter.start + bisect.bisect_left(shorter, True, key=lambda size: extraneous(size) >= 0)
    filled = filling(data)
    if filled and needed > len(data) - filled + KEPT:
        raise UndecodableImage("what is missing of the JPEG was filled up")
    if len(data) - filled - needed > MAX_PADDING:
        raise UndecodableImage("the data of the JPEG are damaged: more is there than its picture needs")
    return data[:needed]


def filling(data: bytes) -> int:
    """Return how many bytes at the end of a scan's data repeat: longer than pixels' data do; 0 where they don't."""
    values = np.frombuffer(data, np.uint8)[::-1]
    for period in PERIODS:
        differences = values[period:] != values[:-period]
        length = int(differences.argmax()) if differences.any() else len(differences)
        if length > period + KEPT:
            return length + period
    return 0


def _extraneous(jpeg: bytes, check: Check) -> int:
    """Return how many bytes the decoder had no use for at the end, as far as it counts them; -1 where some are missing.

    ValueError for any other warning.
    """
    try:
        check(jpeg)
    except ValueError as error:
        if found := EXTRANEOUS.search(str(error)):
            return int(found[1])
        if PREMATURE not in str(error):
            raise
        return -1
    return 0
