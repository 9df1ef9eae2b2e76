"""The directories of TIFF files and EXIF blocks (TIFF 6.0, section 2)."""

import struct
from dataclasses import dataclass
from typing import Literal

Span = tuple[int, int]

ORIENTATION, WIDTH, HEIGHT, ICC_PROFILE = 274, 256, 257, 34675
# Of each directory no more than any picture needs: an entry takes twelve bytes of the file and hundreds here.
MAX_TAGS = 1024  # chosen: the fullest, of raw photographs, have some hundred
MAX_VALUES = 3 * 2**16  # of a tag, the largest palette's
# Bytes of one value of each type of a TIFF directory.
TYPE_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}


@dataclass(frozen=True)
class TiffDirectory:
    """A directory of a TIFF or EXIF block: tag → (type, count, four bytes: the value or its offset).

    next_offset: where the next directory begins, or 0; linked: whether the file states one, be it there or not.
    complete: whether all of the directory is there, and was read.
    """

    order: Literal["<", ">"]
    start: int
    entries: dict[int, tuple[int, int, bytes]]
    next_offset: int
    linked: bool
    complete: bool

    def number(self, tag: int, default: int = 0) -> int:
        """Return the first value of a SHORT or LONG that is stored in its entry; `default` where there is none."""
        kind, count, value = self.entries.get(tag, (0, 0, b""))
        if kind not in (3, 4) or not count:
            return default
        return int(struct.unpack_from(self.order + ("H" if kind == 3 else "I"), value)[0])

    def numbers(self, tag: int, data: bytes) -> tuple[int, ...]:
        """Return all values of a SHORT, LONG or IFD, wherever they are stored; ValueError for too many."""
        kind, count, value = self.entries[tag]
        if count > MAX_VALUES:
            raise ValueError(f"TIFF tag {tag} has too many values")
        if TYPE_SIZES[kind] * count > 4:
            start, end = self.span(tag, data)
            value = data[start:end]
        return struct.unpack_from(f"{self.order}{count}{'H' if kind == 3 else 'I'}", value)

    def span(self, tag: int, data: bytes) -> Span:
        """Return (start, end) of a value stored outside its entry; ValueError where that is not in `data`."""
        kind, count, value = self.entries[tag]
        start = int(struct.unpack(self.order + "I", value)[0])
        end = start + TYPE_SIZES[kind] * count
        if end > len(data):
            raise ValueError(f"the data of TIFF tag {tag} are cut off")
        return start, end

    def profile(self, data: bytes) -> bytes:
        """Return the ICC profile, or b""; ValueError where it is cut off."""
        if ICC_PROFILE not in self.entries:
            return b""
        start, end = self.span(ICC_PROFILE, data)
        return data[start:end]


def orientation(exif: bytes) -> int:
    """Return EXIF's orientation, 1 to 8; 1 for a block that is absent or broken."""
    try:
        value = directory(exif.removeprefix(b"Exif\0\0")).number(ORIENTATION, 1)
    except (ValueError, struct.error):
        return 1
    return value if 1 <= value <= 8 else 1


def directory(data: bytes, start: int = 0) -> TiffDirectory:
    """Read a directory of a TIFF or EXIF block, the first or the one at `start`; ValueError, struct.error without one.

    Of a directory that is cut off or has too many entries, the first ones are returned.
    """
    orders: dict[bytes, Literal["<", ">"]] = {b"II*\0": "<", b"MM\0*": ">"}
    if data[:4] not in orders:
        raise ValueError("no TIFF header (or a BigTIFF's, which is not read)")
    order = orders[data[:4]]
    start = start or int(struct.unpack_from(order + "I", data, 4)[0])
    (count,) = struct.unpack_from(order + "H", data, start)
    table = data[start + 2 : start + 2 + 12 * min(count, MAX_TAGS)]
    rows = struct.iter_unpack(order + "HHI4s", table[: len(table) // 12 * 12])
    link = data[start + 2 + 12 * count : start + 6 + 12 * count]
    stated = int(struct.unpack(order + "I", link)[0]) if len(link) == 4 else 0
    next_offset = stated if stated < len(data) else 0
    entries = {tag: (kind, number, value) for tag, kind, number, value in rows}
    return TiffDirectory(order, start, entries, next_offset, stated > 0, len(table) == 12 * count and len(link) == 4)
