"""Read the boxes of HEIF and AVIF files (ISO/IEC 14496-12 and 23008-12): which items a file holds, and where.

Nothing is decoded here, and nothing is trusted: each part that is named must lie in the file completely. Errors are
ValueError, KeyError, IndexError and struct.error.
"""

import struct
from collections.abc import Iterator

from core.pictures.heif.containers import HeifContainer, HeifItem, HeifProperty, ItemReference

MAX_BOXES = 65_536  # chosen: as many parts as any other format may have
MAX_ENTRIES = 65_536  # chosen: of each table; a picture of a thousand tiles has some thousands
MAX_ASSOCIATIONS = 4  # one for each version and width (ISO/IEC 23008-12, 9.3)
MAX_SHARED = 2**26  # chosen: bytes by which all parts together may exceed the file, since equal tiles may share theirs


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
    """Return the brands of a file: what its first box says that it is."""
    kind, start, end = next(walk(data, 0, len(data)), (b"", 0, 0))
    return {data[start : start + 4], *_split(data[start + 8 : end], 4)} if kind == b"ftyp" else set()


def read(data: bytes) -> HeifContainer:
    """Read the items of a file."""
    container, meta = HeifContainer(), None
    try:
        for kind, start, end in walk(data, 0, len(data)):
            container.outer.append(kind)
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
        bodies.setdefault(kind, (first, last))
    container.idat = bodies.get(b"idat", (0, 0))
    _read_item_infos(data, *bodies[b"iinf"], container)
    _read_locations(data[slice(*bodies[b"iloc"])], container)
    total = sum(last - first for item in container.items.values() for first, last in item.extents)
    if total > len(data) + MAX_SHARED:
        raise ValueError("the parts of the picture are larger than the file")
    if b"iref" in bodies:
        _read_references(data, *bodies[b"iref"], container)
    _read_properties(data, *bodies[b"iprp"], container)
    start, _ = bodies[b"pitm"]
    (container.primary,) = struct.unpack_from(">I" if data[start] else ">H", data, start + 4)


def _read_item_infos(data: bytes, start: int, end: int, container: HeifContainer) -> None:
    for _, body, last in walk(data, start + (8 if data[start] else 6), end):
        version = data[body]
        if version < 2:
            continue
        item_id = struct.unpack_from(">I" if version == 3 else ">H", data, body + 4)[0]
        offset = body + (10 if version == 3 else 8)
        kind = data[offset : offset + 4]
        texts = data[offset + 4 : last].split(b"\0")
        content_type = texts[1] if kind == b"mime" and len(texts) > 1 else b""
        container.items[item_id] = HeifItem(kind, content_type)


def _read_locations(body: bytes, container: HeifContainer) -> None:
    numbers = _Integers(body)
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
        if entries > MAX_ENTRIES:
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
    for kind, body, last in walk(data, start + 4, end):
        numbers = _Integers(data[body:last])
        source, count = numbers.take(size), numbers.take(2)
        entries += count
        if entries > MAX_ENTRIES:
            raise ValueError("there are too many references")
        container.add_reference(ItemReference(kind, source, tuple(numbers.take(size) for _ in range(count))))


def _read_properties(data: bytes, start: int, end: int, container: HeifContainer) -> None:
    properties: list[HeifProperty] = []
    kinds: list[bytes] = []
    for kind, body, last in walk(data, start, end):
        kinds.append(kind)
        if kinds.count(b"ipco") > 1 or kinds.count(b"ipma") > MAX_ASSOCIATIONS:
            raise ValueError("there are too many tables of properties")
        if kind == b"ipco":
            properties += [HeifProperty(name, data[first:after]) for name, first, after in walk(data, body, last)]
        elif kind == b"ipma":
            _associate(data[body:last], properties, container)


def _associate(body: bytes, properties: list[HeifProperty], container: HeifContainer) -> None:
    numbers = _Integers(body)
    version, flags = numbers.take(1), numbers.take(3)
    width, entries = 2 if flags & 1 else 1, 0
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
                prop = properties[index - 1]
                item.properties.append(HeifProperty(prop.kind, prop.body, bool(essential)))


class _Integers:
    """Big-endian integers, one after another; IndexError where the bytes end."""

    def __init__(self, data: bytes) -> None:
        self._data, self._offset = data, 0

    def take(self, size: int) -> int:
        start, self._offset = self._offset, self._offset + size
        if self._offset > len(self._data):
            raise IndexError("a box ends too early")
        return int.from_bytes(self._data[start : self._offset])


def _split(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]
