"""The boxes of HEIF and AVIF files (ISO/IEC 14496-12 and 23008-12): which items a file holds, and where.

Nothing is decoded here, and nothing is believed: each part that is named must lie in the file as a whole. Errors are
ValueError, KeyError, IndexError and struct.error.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

MAX_BOXES = 65_536  # chosen: as many parts as any other format may have
MAX_ENTRIES = 65_536  # chosen: of each table; a picture of a thousand tiles has some thousands
MAX_ASSOCIATIONS = 4  # one for each version and width (ISO/IEC 23008-12, 9.3)
MAX_SHARED = 2**26  # chosen: bytes by which all parts together may exceed the file, since equal tiles may share theirs


@dataclass(frozen=True)
class HeifProperty:
    """One property of an item. A reader that does not know an essential one must leave the item alone."""

    kind: bytes
    body: bytes
    essential: bool = False


@dataclass
class HeifItem:
    """One item: a picture, a tile, or metadata. extents: (start, end) of its bytes in the file or in `idat`."""

    kind: bytes
    content_type: bytes = b""
    extents: list[tuple[int, int]] = field(default_factory=list)
    in_idat: bool = False
    properties: list[HeifProperty] = field(default_factory=list)

    def first(self, kind: bytes) -> bytes:
        """Return the body of the first property of a kind; KeyError without it."""
        for one in self.properties:
            if one.kind == kind:
                return one.body
        raise KeyError(kind)


@dataclass(frozen=True)
class ItemReference:
    """That one item refers to others, in their order: tiles (`dimg`), what it is an auxiliary to (`auxl`), …"""

    kind: bytes
    source: int
    targets: tuple[int, ...]


@dataclass
class HeifContainer:
    """What a file holds. outer: the kinds of its outermost boxes; end: where the last of them ends."""

    primary: int = 0
    items: dict[int, HeifItem] = field(default_factory=dict)
    references: list[ItemReference] = field(default_factory=list)
    idat: tuple[int, int] = (0, 0)
    outer: list[bytes] = field(default_factory=list)
    end: int = 0
    _targets: dict[tuple[bytes, int], list[int]] = field(default_factory=dict, init=False)
    _sources: dict[tuple[bytes, int], list[int]] = field(default_factory=dict, init=False)

    def payload(self, data: bytes, number: int) -> bytes:
        """Return an item's bytes; ValueError where the file does not hold all of them."""
        item = self.items[number]
        start, end = self.idat if item.in_idat else (0, len(data))
        parts = []
        for first, last in item.extents:
            if not start <= start + first <= start + last <= end:
                raise ValueError("a part of the picture is cut off")
            parts.append(data[start + first : start + last])
        return b"".join(parts)

    def refer(self, references: ItemReference) -> None:
        """Add references."""
        self.references.append(references)
        self._targets.setdefault((references.kind, references.source), []).extend(references.targets)
        for target in dict.fromkeys(references.targets):
            self._sources.setdefault((references.kind, target), []).append(references.source)

    def targets(self, kind: bytes, source: int) -> tuple[int, ...]:
        """Return what an item refers to in one way."""
        return tuple(self._targets.get((kind, source), ()))

    def sources(self, kind: bytes, target: int) -> list[int]:
        """Return the items that refer to one in this way."""
        return self._sources.get((kind, target), [])


def walk(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Walk boxes: (kind, start, end) of each one's body. ValueError where one is cut off."""
    for _ in range(MAX_BOXES):
        if start == end:
            return
        size, kind = struct.unpack_from(">I4s", data, start)
        body = start + 8
        if size == 1:
            size, body = struct.unpack_from(">Q", data, body)[0], body + 8
        last = start + size if size else end  # 0: to the end
        if not body <= last <= end:
            raise ValueError("a box is cut off")
        yield kind, body, last
        start = last
    raise ValueError("there are too many boxes")


def brands(data: bytes) -> set[bytes]:
    """Return the kinds that a file says it is of, in its first box."""
    kind, start, end = next(walk(data, 0, len(data)), (b"", 0, 0))
    return {data[start : start + 4], *_pieces(data[start + 8 : end], 4)} if kind == b"ftyp" else set()


def read(data: bytes) -> HeifContainer:
    """Read what a file holds."""
    found, meta = HeifContainer(), None
    try:
        for kind, start, end in walk(data, 0, len(data)):
            found.outer.append(kind)
            found.end = end
            if kind == b"meta" and meta is None:
                meta = start + 4, end
    except (ValueError, struct.error):
        # What follows the boxes may be anything. A box of data that is cut off is no such thing.
        if meta is None or data[found.end + 4 : found.end + 8] == b"mdat":
            raise
    if meta is None:
        raise ValueError("the file holds no items")
    _read_meta(data, *meta, found)
    return found


def _read_meta(data: bytes, start: int, end: int, found: HeifContainer) -> None:
    bodies: dict[bytes, tuple[int, int]] = {}
    for kind, first, last in walk(data, start, end):
        bodies.setdefault(kind, (first, last))
    found.idat = bodies.get(b"idat", (0, 0))
    _read_infos(data, *bodies[b"iinf"], found)
    _read_places(data[slice(*bodies[b"iloc"])], found)
    taken = sum(last - first for item in found.items.values() for first, last in item.extents)
    if taken > len(data) + MAX_SHARED:
        raise ValueError("the parts of the picture are larger than the file")
    if b"iref" in bodies:
        _read_references(data, *bodies[b"iref"], found)
    _read_properties(data, *bodies[b"iprp"], found)
    start, _ = bodies[b"pitm"]
    (found.primary,) = struct.unpack_from(">I" if data[start] else ">H", data, start + 4)


def _read_infos(data: bytes, start: int, end: int, found: HeifContainer) -> None:
    for _, body, last in walk(data, start + (8 if data[start] else 6), end):
        version = data[body]
        if version < 2:
            continue
        number = struct.unpack_from(">I" if version == 3 else ">H", data, body + 4)[0]
        place = body + (10 if version == 3 else 8)
        kind = data[place : place + 4]
        texts = data[place + 4 : last].split(b"\0")
        content_type = texts[1] if kind == b"mime" and len(texts) > 1 else b""
        found.items[number] = HeifItem(kind, content_type)


def _read_places(body: bytes, found: HeifContainer) -> None:
    reader = _Numbers(body)
    version = reader.take(1)
    reader.take(3)
    sizes = reader.take(2)
    offset_size, length_size, base_size, index_size = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    entries = 0
    for _ in range(reader.take(4 if version == 2 else 2)):
        number = reader.take(4 if version == 2 else 2)
        method = reader.take(2) & 15 if version else 0
        elsewhere = reader.take(2)
        base = reader.take(base_size)
        count = reader.take(2)
        entries += 1 + count
        if entries > MAX_ENTRIES:
            raise ValueError("there are too many parts")
        spans = []
        for _ in range(count):
            if version:
                reader.take(index_size)
            start = base + reader.take(offset_size)
            spans.append((start, start + reader.take(length_size)))
        # Neither in another file nor in another item: such parts are not there.
        if number in found.items and not elsewhere and method in (0, 1):
            found.items[number].extents = spans
            found.items[number].in_idat = method == 1


def _read_references(data: bytes, start: int, end: int, found: HeifContainer) -> None:
    size, entries = 4 if data[start] else 2, 0
    for kind, body, last in walk(data, start + 4, end):
        numbers = _Numbers(data[body:last])
        source, count = numbers.take(size), numbers.take(2)
        entries += count
        if entries > MAX_ENTRIES:
            raise ValueError("there are too many references")
        found.refer(ItemReference(kind, source, tuple(numbers.take(size) for _ in range(count))))


def _read_properties(data: bytes, start: int, end: int, found: HeifContainer) -> None:
    every: list[HeifProperty] = []
    kinds: list[bytes] = []
    for kind, body, last in walk(data, start, end):
        kinds.append(kind)
        if kinds.count(b"ipco") > 1 or kinds.count(b"ipma") > MAX_ASSOCIATIONS:
            raise ValueError("there are too many tables of properties")
        if kind == b"ipco":
            every += [HeifProperty(name, data[first:after]) for name, first, after in walk(data, body, last)]
        elif kind == b"ipma":
            _associate(data[body:last], every, found)


def _associate(body: bytes, every: list[HeifProperty], found: HeifContainer) -> None:
    numbers = _Numbers(body)
    version, flags = numbers.take(1), numbers.take(3)
    width, entries = 2 if flags & 1 else 1, 0
    for _ in range(numbers.take(4)):
        item = found.items.get(numbers.take(4 if version else 2), HeifItem(b""))
        count = numbers.take(1)
        entries += 1 + count
        if entries > MAX_ENTRIES:
            raise ValueError("there are too many properties")
        for _ in range(count):
            told = numbers.take(width)
            essential, index = told >> (8 * width - 1), told & (1 << (8 * width - 1)) - 1
            if index:  # 0: none
                item.properties.append(HeifProperty(every[index - 1].kind, every[index - 1].body, bool(essential)))


class _Numbers:
    """Big-endian numbers, one after another; IndexError where the bytes end."""

    def __init__(self, data: bytes) -> None:
        self._data, self._place = data, 0

    def take(self, size: int) -> int:
        start, self._place = self._place, self._place + size
        if self._place > len(self._data):
            raise IndexError("a box ends too early")
        return int.from_bytes(self._data[start : self._place])


def _pieces(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]
