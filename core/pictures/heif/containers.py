"""What a HEIF or AVIF file holds (ISO/IEC 14496-12 and 23008-12): items, their properties and references."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class HeifProperty:
    """One property of an item. A reader that does not know an essential one must ignore the item."""

    kind: bytes
    body: bytes
    essential: bool = False


@dataclass(slots=True)
class HeifItem:
    """One item: a picture, a tile, or metadata. extents: (start, end) of its bytes in the file or in `idat`."""

    kind: bytes
    content_type: bytes = b""
    extents: list[tuple[int, int]] = field(default_factory=list)
    in_idat: bool = False
    properties: list[HeifProperty] = field(default_factory=list)

    def first(self, kind: bytes) -> bytes:
        """Return the body of the first property of a kind; KeyError without it."""
        for prop in self.properties:
            if prop.kind == kind:
                return prop.body
        raise KeyError(kind)


@dataclass(frozen=True, slots=True)
class ItemReference:
    """A reference from one item to others, in their order: tiles (`dimg`), what it is an auxiliary to (`auxl`), …"""

    kind: bytes
    source: int
    targets: tuple[int, ...]


@dataclass
class HeifContainer:
    """The items of a file by their ids. outer: kinds of its outermost boxes; end: where the last of them ends."""

    primary: int = 0
    items: dict[int, HeifItem] = field(default_factory=dict)
    references: list[ItemReference] = field(default_factory=list)
    idat: tuple[int, int] = (0, 0)
    outer: set[bytes] = field(default_factory=set)
    end: int = 0
    _targets: dict[tuple[bytes, int], list[int]] = field(default_factory=dict, init=False)
    _sources: dict[tuple[bytes, int], list[int]] = field(default_factory=dict, init=False)

    def payload(self, data: bytes, item_id: int) -> bytes:
        """Return an item's bytes; ValueError where the file does not hold all of them."""
        item = self.items[item_id]
        start, end = self.idat if item.in_idat else (0, len(data))
        if not all(start <= start + first <= start + last <= end for first, last in item.extents):
            raise ValueError("a part of the picture is cut off")
        parts = [memoryview(data)[start + first : start + last] for first, last in item.extents]
        return b"".join(parts)

    def add_reference(self, reference: ItemReference) -> None:
        self.references.append(reference)
        self._targets.setdefault((reference.kind, reference.source), []).extend(reference.targets)
        for target in dict.fromkeys(reference.targets):
            self._sources.setdefault((reference.kind, target), []).append(reference.source)

    def targets(self, kind: bytes, source: int) -> tuple[int, ...]:
        """Return the items that an item refers to by references of a kind."""
        return tuple(self._targets.get((kind, source), ()))

    def sources(self, kind: bytes, target: int) -> list[int]:
        """Return the items that refer to an item by references of a kind."""
        return self._sources.get((kind, target), [])
