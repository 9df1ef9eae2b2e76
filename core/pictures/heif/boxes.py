"""Read the boxes of HEIF and AVIF files (ISO/IEC 14496-12 and 23008-12): which items a file holds, and where.

Nothing is decoded here, and nothing is trusted: each part that is named must lie in the file completely, and reading
takes time and memory in proportion to the file. Errors are ValueError, KeyError, IndexError and struct.error.
"""

import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from core.pictures.heif.containers import HeifContainer, HeifItem, HeifProperty, ItemReference

# Of each table no more than any picture needs: an entry may take one byte of the file and hundreds here.
MAX_BOXES = 8192  # chosen: of a file; a sequence in fragments has some hundreds
MAX_ENTRIES = 16_384  # chosen: of each table; a picture of a thousand tiles, each with alpha, has some thousands
MAX_ITEMS = 2048  # chosen: twice as many as libheif reads
MAX_BRANDS = 64  # chosen: files have up to ten
MAX_PROPERTIES = 4096  # chosen: four for each of a thousand tiles, if none is shared
MAX_TABLES = 16  # chosen: children of `iprp`, which are two, and free space
MAX_ASSOCIATIONS = 4  # one for each version and width (ISO/IEC 23008-12, 9.3)
MAX_PROPERTY_BYTES = 2**16  # chosen: configurations have some hundred bytes
MAX_PROFILE_BYTES = 2**24  # chosen: as many as a JPEG may have
MAX_INFO_BYTES = 4096  # chosen: names and types of an item
MAX_SHARED = 2**22  # chosen: bytes by which all parts together may exceed the file, since equal tiles may share theirs

PROPERTIES = {b"ispe", b"hvcC", b"av1C", b"pixi", b"auxC", b"colr", b"clap", b"irot", b"imir", b"pasp"}
TABLES = {b"pitm", b"iinf", b"iloc", b"iref", b"iprp", b"idat"}


def walk(data: bytes, start: int, end: int, limit: int = MAX_BOXES) -> Iterator[tuple[bytes, int, int]]:
    """Walk boxes: (kind, start, end) of each one's body. ValueError where one is cut off, or beyond the limit."""
    for _ in range(limit):
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
    if start < end:
        raise ValueError("there are too many boxes")


def brands(data: bytes) -> set[bytes]:
    """Return the brands of a file: what its first box says that it is."""
    kind, start, end = next(walk(data, 0, len(data)), (b"", 0, 0))
    if kind != b"ftyp":
        return set()
    if end - start > 4 * MAX_BRANDS:
        raise ValueError("the file states too many brands")
    return {data[start : start + 4], *(data[place : place + 4] for place in range(start + 8, end, 4))}


def read(data: bytes) -> HeifContainer:
    """Read the items of a file."""
    container, meta = HeifContainer(), None
    try:
        for kind, start, end in walk(data, 0, len(data)):
            container.outer.add(kind)
            container.end = end
            if kind == b"meta" and meta is None:
                meta = start + 4, end
    except (ValueError, struct.error):
        # What follows the boxes may be anything. A box of data that is cut off is no such thing.
        if meta is None or data[container.end + 4 : container.end + 8] == b"mdat":
            raise
    if meta is None:
        raise ValueError("the file holds no items")
    _read_meta(data, *meta, container)
    return container


def _read_meta(data: bytes, start: int, end: int, container: HeifContainer) -> None:
    bodies: dict[bytes, tuple[int, int]] = {}
    for kind, first, last in walk(data, start, end):
        if kind in TABLES:
            bodies.setdefault(kind, (first, last))
    container.idat = bodies.get(b"idat", (0, 0))
    _read_item_infos(data, *bodies[b"iinf"], container)
    _read_locations(_Integers(data, *bodies[b"iloc"]), container)
    total = sum(last - first for item in container.items.values() for first, last in item.extents)
    if total > len(data) + MAX_SHARED:
        raise ValueError("the parts of the picture are larger than the file")
    if b"iref" in bodies:
        _read_references(data, *bodies[b"iref"], container)
    _read_properties(data, *bodies[b"iprp"], container)
    start, _ = bodies[b"pitm"]
    (container.primary,) = struct.unpack_from(">I" if data[start] else ">H", data, start + 4)


def _read_item_infos(data: bytes, start: int, end: int, container: HeifContainer) -> None:
    table = _Integers(data, start, end)
    wide = table.take(1) > 0
    table.take(3)
    if table.take(4 if wide else 2) > MAX_ITEMS:
        raise ValueError("there are too many items")
    for _, body, last in walk(data, table.offset, end, MAX_ITEMS):
        if last - body > MAX_INFO_BYTES:
            raise ValueError("the description of an item is too long")
        version = data[body]
        if version < 2:
            continue
        item_id = struct.unpack_from(">I" if version == 3 else ">H", data, body + 4)[0]
        offset = body + (10 if version == 3 else 8)
        kind = data[offset : offset + 4]
        texts = data[offset + 4 : last].split(b"\0", 2) if kind == b"mime" else []
        container.items[item_id] = HeifItem(kind, texts[1] if len(texts) > 1 else b"")


def _read_locations(numbers: "_Integers", container: HeifContainer) -> None:
    version = numbers.take(1)
    numbers.take(3)
    sizes = numbers.take(2)
    offset_size, length_size, base_size, index_size = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    entries = 0
    for _ in range(numbers.take(4 if version == 2 else 2)):
        item_id = numbers.take(4 if version == 2 else 2)
        method = numbers.take(2) & 15 if version else 0
        data_reference = numbers.take(2)
        base = numbers.take(base_size)
        count = numbers.take(2)
        entries += 1 + count
        if entries > MAX_ENTRIES or (count > 1 and not length_size):
            raise ValueError("there are too many parts")
        extents = []
        for _ in range(count):
            if version:
                numbers.take(index_size)
            start = base + numbers.take(offset_size)
            extents.append((start, start + numbers.take(length_size)))
        # Data in another file or in another item are not read.
        if item_id in container.items and not data_reference and method in (0, 1):
            container.items[item_id].extents = extents
            container.items[item_id].in_idat = method == 1


def _read_references(data: bytes, start: int, end: int, container: HeifContainer) -> None:
    size, entries = 4 if data[start] else 2, 0
    for kind, body, last in walk(data, start + 4, end, MAX_ENTRIES):
        numbers = _Integers(data, body, last)
        source, count = numbers.take(size), numbers.take(2)
        entries += 1 + count
        if entries > MAX_ENTRIES:
            raise ValueError("there are too many references")
        container.add_reference(ItemReference(kind, source, tuple(numbers.take(size) for _ in range(count))))


def _read_properties(data: bytes, start: int, end: int, container: HeifContainer) -> None:
    properties: list[HeifProperty] = []
    kinds: Counter[bytes] = Counter()
    entries = 0
    for kind, body, last in walk(data, start, end, MAX_TABLES):
        kinds[kind] += 1
        if kinds[b"ipco"] > 1 or kinds[b"ipma"] > MAX_ASSOCIATIONS:
            raise ValueError("there are too many tables of properties")
        if kind == b"ipco":
            properties = [_property(data, *listed) for listed in walk(data, body, last, MAX_PROPERTIES)]
        elif kind == b"ipma":
            entries = _associate(_Integers(data, body, last), properties, container, entries)


def _property(data: bytes, kind: bytes, start: int, end: int) -> HeifProperty:
    """Read a property; of one that is not known, only that it is there."""
    profile = kind == b"colr" and data[start : start + 4] in (b"prof", b"rICC")
    if kind in PROPERTIES and end - start > (MAX_PROFILE_BYTES if profile else MAX_PROPERTY_BYTES):
        raise ValueError("a property of the picture is too large")
    return HeifProperty(kind, data[start:end] if kind in PROPERTIES else b"")


def _associate(numbers: "_Integers", properties: list[HeifProperty], container: HeifContainer, entries: int) -> int:
    """Read which items have which properties; return how many entries that and the tables before it had."""
    version, flags = numbers.take(1), numbers.take(3)
    width = 2 if flags & 1 else 1
    ways = properties, [replace(prop, essential=True) for prop in properties]
    for _ in range(numbers.take(4)):
        item = container.items.get(numbers.take(4 if version else 2), HeifItem(b""))
        count = numbers.take(1)
        entries += 1 + count
        if entries > MAX_ENTRIES:
            raise ValueError("there are too many properties")
        for _ in range(count):
            association = numbers.take(width)
            essential, index = association >> (8 * width - 1), association & (1 << (8 * width - 1)) - 1
            if index:  # 0: none
                item.properties.append(ways[essential][index - 1])
    return entries


class _Integers:
    """Big-endian integers, one after another, of a part of the data; IndexError where that ends."""

    def __init__(self, data: bytes, start: int, end: int) -> None:
        self._data, self.offset, self._end = data, start, end

    def take(self, size: int) -> int:
        start, self.offset = self.offset, self.offset + size
        if self.offset > self._end:
            raise IndexError("a box ends too early")
        return int.from_bytes(self._data[start : self.offset])
