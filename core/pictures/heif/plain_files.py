"""Write a plain HEIF or AVIF file that holds the primary picture of another one, and nothing else.

A decoder is never given the original file: previews, depth maps, gain maps, sequences and metadata are left out, and so
are rotation and crop, which each decoder applies in its own way. Errors are those of `stills`.
"""

import struct

from core.pictures.heif import bitstreams, stills
from core.pictures.heif.containers import HeifContainer, HeifItem, HeifProperty
from core.pictures.heif.stills import Still

# The properties that pixels depend on.
PIXEL_PROPERTIES = {b"ispe", b"hvcC", b"av1C", b"pixi", b"auxC"}
PIXEL_REFERENCES = {b"dimg", b"auxl", b"prem"}


def make(data: bytes, still: Still) -> bytes:
    """Return a file of the picture as it is coded, with its alpha, and of nothing else.

    ValueError for a picture that is not complete, or larger than its header states.
    """
    stills.check_parts(data, still)
    container, new_ids = still.container, {part: new_id for new_id, part in enumerate(still.parts, 1)}
    items = [container.items[part] for part in still.parts]
    infos = [
        _box(b"infe", struct.pack(">IHH4sB", 0x02000000, new_id, 0, item.kind, 0))
        for new_id, item in enumerate(items, 1)
    ]
    references = _references(container, new_ids)
    brand = b"heic" if still.codec == "heic" else b"avif"
    meta = [
        _box(b"hdlr", struct.pack(">II4s13x", 0, 0, b"pict")),
        _box(b"pitm", struct.pack(">IH", 0, new_ids[container.primary])),
        _box(b"iinf", struct.pack(">IH", 0, len(infos)), *infos),
        *([_box(b"iref", bytes(4), *references)] if references else []),
        _properties(items),
    ]
    payloads = [_payload(data, container, part) for part in still.parts]
    return _file(_box(b"ftyp", brand, bytes(4), b"mif1", b"miaf", brand), meta, payloads)


def _references(container: HeifContainer, new_ids: dict[int, int]) -> list[bytes]:
    """Return the references between the picture's parts, by their new ids."""
    references = []
    for reference in container.references:
        targets = [new_ids[target] for target in reference.targets if target in new_ids]
        if reference.kind in PIXEL_REFERENCES and reference.source in new_ids and targets:
            layout = f">HH{len(targets)}H"
            body = struct.pack(layout, new_ids[reference.source], len(targets), *targets)
            references.append(_box(reference.kind, body))
    return references


def _properties(items: list[HeifItem]) -> bytes:
    """Return the properties that pixels depend on, each once, and the table of which item has which."""
    places: dict[tuple[bytes, bytes], int] = {}
    associations = []
    for new_id, item in enumerate(items, 1):
        needed = [prop for prop in item.properties if _is_needed(prop)]
        indices = [
            int(prop.essential) << 15 | places.setdefault((prop.kind, prop.body), len(places) + 1) for prop in needed
        ]
        associations.append(struct.pack(f">HB{len(indices)}H", new_id, len(indices), *indices))
    return _box(
        b"iprp",
        _box(b"ipco", *[_box(kind, body) for kind, body in places]),
        _box(b"ipma", struct.pack(">II", 1, len(associations)), *associations),
    )


def _is_needed(prop: HeifProperty) -> bool:
    return prop.kind in PIXEL_PROPERTIES or (prop.kind == b"colr" and prop.body[:4] == b"nclx")


def _payload(data: bytes, container: HeifContainer, item_id: int) -> bytes:
    item = container.items[item_id]
    payload = container.payload(data, item_id)
    return bitstreams.hevc_slices(payload, item.first(b"hvcC")) if item.kind == b"hvc1" else payload


def _file(start: bytes, meta: list[bytes], payloads: list[bytes]) -> bytes:
    """Join the boxes of a file; its `iloc` has the same size wherever the payloads are."""
    entries = b""
    for _ in range(2):  # first to learn where the payloads begin
        locations = _locations(entries or bytes(14 * len(payloads)))
        offset = len(start) + len(_box(b"meta", bytes(4), *meta, locations)) + 8
        entries = b""
        for new_id, payload in enumerate(payloads, 1):
            entries += struct.pack(">HHHII", new_id, 0, 1, offset, len(payload))
            offset += len(payload)
    return start + _box(b"meta", bytes(4), *meta, _locations(entries)) + _box(b"mdat", *payloads)


def _locations(entries: bytes) -> bytes:
    return _box(b"iloc", struct.pack(">IHH", 0, 0x4400, len(entries) // 14), entries)


def _box(kind: bytes, *bodies: bytes) -> bytes:
    body = b"".join(bodies)
    return struct.pack(">I4s", 8 + len(body), kind) + body
